export { TenantDoor } from './door.ts'
export { type Project, Projects, projectPoints } from './service.ts'
