export * from './contract.ts'
export { deliveryPoints, Webhooks } from './service.ts'
