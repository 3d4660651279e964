export { EdgeUrls } from './edge-urls.ts'
export { claimHostname } from './hostnames.ts'
