import { movePoints } from './status.ts'

/** Every place of this domain where a process may die, by name. */
export const runPoints: string[] = [
  ...movePoints,
  'lease.sent',
  'report.before.store',
  'report.after.store',
  'logs.before.store',
  'logs.after.store',
  'logs.acknowledged',
  'run.before.clean',
  'run.after.clean',
  'run.before.announce',
  'run.after.announce',
]
