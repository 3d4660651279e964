export { EdgeUrls } from './edge-urls.ts'
export { claimHostname } from './hostnames.ts'
export { Traffic } from './traffic.ts'
