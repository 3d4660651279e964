export { TenantDoor } from './door.ts'
