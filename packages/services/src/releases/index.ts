export { Bundles } from './bundles.ts'
export * from './contract.ts'
export type { BlobStore, StagedBlob } from './port.ts'
export { Releases, releasePoints } from './service.ts'
