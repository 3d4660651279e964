export { Reports } from './service.ts'
