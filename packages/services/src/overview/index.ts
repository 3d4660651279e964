export { Events } from './events.ts'
export { Overview } from './service.ts'
