export { type Environment, Environments } from './service.ts'
