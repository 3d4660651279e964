export * from './contract.ts'
export { Pipelines, type WorkflowAt, workflowFolders } from './service.ts'
