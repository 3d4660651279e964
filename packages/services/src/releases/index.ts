export { Bundles } from './bundles.ts'
export * from './contract.ts'
export { GreenCommits } from './green-commits.ts'
export { Releases, releasePoints } from './service.ts'
