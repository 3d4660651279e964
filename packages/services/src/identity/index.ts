export { IdTokens } from './service.ts'
