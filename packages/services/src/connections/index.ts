export * from './contract.ts'
export { type Heard, movePoints as connectionPoints, type RefNews, RemoteMoves } from './moves.ts'
export type { Remote, RemoteRefs, RemoteRepositories } from './port.ts'
export { Connections } from './service.ts'
