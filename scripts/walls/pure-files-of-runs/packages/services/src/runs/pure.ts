export { rowsOf } from './rows.ts'
