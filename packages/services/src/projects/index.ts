export { TenantDoor } from './door.ts'
export { Projects, projectPoints } from './service.ts'
