export { StoredFiles, storagePoints } from './service.ts'
