export * from './contract.ts'
export { resolveTimes, type TimeSources, timesOf } from './times.ts'
