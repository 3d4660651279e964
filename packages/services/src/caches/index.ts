export * from './contract.ts'
export { type FoundCache, JobCaches } from './job-caches.ts'
export { Caches } from './service.ts'
