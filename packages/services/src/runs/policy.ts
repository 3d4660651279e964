import { builders, everyone, type Policy } from '../organizations/policy.ts'

export const policy = {
  'run.view': everyone,
  'run.dispatch': builders,
  'run.rerun': builders,
  'run.cancel': builders,
} as const satisfies Policy
