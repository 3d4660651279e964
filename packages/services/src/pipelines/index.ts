export * from './contract.ts'
export { type Detection, type DetectWorkflow, Pipelines, type WorkflowAt, workflowFolders } from './service.ts'
