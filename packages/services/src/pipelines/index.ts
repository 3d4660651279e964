export * from './contract.ts'
export { Pipelines, type WorkflowAt } from './service.ts'
