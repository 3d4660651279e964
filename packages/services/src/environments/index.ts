export { Environments } from './service.ts'
