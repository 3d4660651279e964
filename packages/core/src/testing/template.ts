import pg from 'pg'
import { migrateDatabase } from '../database.ts'

/** The database that each test's own one is a copy of. */
export const templateName = 'juanie_template'

/** Makes it anew with the newest schema. Nothing may be connected to it afterwards, or it could not be copied. */
export async function makeTemplate(serverUrl: string, root: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(`drop database if exists ${templateName} with (force)`)
    await client.query(`create database ${templateName}`)
  } finally {
    await client.end()
  }
  const pool = new pg.Pool({
    connectionString: Object.assign(new URL(serverUrl), { pathname: `/${templateName}` }).href,
  })
  try {
    await migrateDatabase(pool, root)
  } finally {
    await pool.end()
  }
}
