export * from './contract.ts'
export { Inbox } from './inbox.ts'
export { deliveryPoints, Webhooks } from './service.ts'
