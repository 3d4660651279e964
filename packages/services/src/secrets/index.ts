export { DataKeys } from './keys.ts'
export { Secrets, secretPoints } from './service.ts'
export { Variables } from './variables.ts'
