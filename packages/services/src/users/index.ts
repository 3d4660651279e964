export { createUser, findAdministrator, findUser, type User } from './service.ts'
