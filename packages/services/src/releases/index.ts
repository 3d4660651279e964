export { Bundles } from './bundles.ts'
export * from './contract.ts'
export { Releases, releasePoints } from './service.ts'
