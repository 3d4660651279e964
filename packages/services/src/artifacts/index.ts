export * from './contract.ts'
export { JobArtifacts } from './job-artifacts.ts'
export { RunArtifacts } from './service.ts'
