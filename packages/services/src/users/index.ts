export { createUser, findAdministrator, findUser, type NewUser, type User } from './service.ts'
