export * from './contract.ts'
export { PinQueue } from './pins.ts'
export { pushPoint, pushPoints } from './points.ts'
export {
  type Commit,
  type CommitLog,
  type GitStore,
  type InitialCommit,
  noCommit,
  type RefMove,
  type TreeEntry,
} from './port.ts'
export { Pushes, type PushHandler, type PushRow, pushLimitMs } from './pushes.ts'
export { refFault } from './ref-names.ts'
export { type HostedRepository, Repositories } from './service.ts'
export { pushesThatCan } from './status.ts'
