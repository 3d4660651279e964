import { crashPoint } from '@juanie/core/points'

/** Between the durable writes and outside effects of a push, in their order. */
export const pushPoints = [
  'push.before.receive',
  'push.after.receive',
  'push.ref_moved',
  'push.before.accept',
  'push.after.accept',
  'push.before.handle',
  'push.after.handle',
  'push.before.refuse',
  'push.after.refuse',
  'push.answered',
  'repository.before.create',
  'repository.folder_made',
  'repository.after.create',
  'run.pinned',
] as const

export const pushPoint = (name: (typeof pushPoints)[number]): void => crashPoint(name)
