export { freePort } from '../postgres/postmaster.ts'
export { type TestDb, testDb } from './database.ts'
export { leftBehind, type TempHome, tempHome } from './temp-home.ts'
