export { EdgeUrls } from './edge-urls.ts'
export { claimHostname, type HostnameParts, labelsOf } from './hostnames.ts'
