import { join } from 'node:path'
import { type SQL, sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { type AnyPgColumn, check, PgDialect, timestamp, uuid } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import { uuidv7 } from './ids.ts'

export type Database = NodePgDatabase
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0]
/** Where a query may run: on the pool or inside a transaction. */
export type Queryable = Database | Transaction

export const openDatabase = (pool: pg.Pool): Database => drizzle({ client: pool })

/** Any constant of ours; everybody who migrates or starts takes the same one. */
const migrationLock = 7_402_181

/**
 * Brings the database to the newest schema. Drizzle's migrator takes no lock of its own, so several servers that
 * start together wait for each other here.
 */
export async function migrateDatabase(pool: pg.Pool, root: string): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    await migrate(drizzle({ client }), { migrationsFolder: join(root, 'migrations') })
  } finally {
    await client.query('select pg_advisory_unlock($1)', [migrationLock]).catch(() => {})
    client.release()
  }
}

/** The only row of a query that must yield one. */
export async function one<T>(rows: PromiseLike<T[]>): Promise<T> {
  const [row, ...more] = await rows
  if (row === undefined || more.length > 0)
    throw new Error(`expected one row, got ${row === undefined ? 0 : 1 + more.length}`)
  return row
}

export async function maybeOne<T>(rows: PromiseLike<T[]>): Promise<T | null> {
  const [row, ...more] = await rows
  if (more.length > 0) throw new Error(`expected at most one row, got ${1 + more.length}`)
  return row ?? null
}

const dialect = new PgDialect()

/**
 * Runs a statement of which only the values differ, by a name under which each connection keeps it parsed: for large
 * ones on hot paths, where planning costs more than running.
 */
export async function runNamed<T>(db: Database, name: string, statement: SQL): Promise<T[]> {
  const { sql: text, params } = dialect.sqlToQuery(statement)
  const { rows } = await (db as unknown as { $client: pg.Pool }).$client.query({ name, text, values: params })
  return rows as T[]
}

interface PostgresError {
  code?: string
  constraint?: string
}

/** Drizzle wraps the driver's error; walk the causes to PostgreSQL's own. */
function postgresError(error: unknown): PostgresError | null {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (typeof (cause as PostgresError).code === 'string' && /^[0-9A-Z]{5}$/.test((cause as PostgresError).code!)) {
      return cause as PostgresError
    }
  }
  return null
}

/** Whether PostgreSQL refused because of this unique, foreign-key or check constraint. */
export const violates = (error: unknown, constraint: string): boolean => postgresError(error)?.constraint === constraint

/** PostgreSQL ended this transaction so that another could go on; trying it again is safe, and usually succeeds. */
export const isDeadlock = (error: unknown): boolean => postgresError(error)?.code === '40P01'

export const isUniqueViolation = (error: unknown): boolean => postgresError(error)?.code === '23505'

// Parts that table definitions share.

export const primaryId = () => uuid().primaryKey().$defaultFn(uuidv7)
export const instant = () => timestamp({ withTimezone: true })
export const createdAt = () => instant().notNull().defaultNow()
/** A row that goes with its owner. */
export const owned = (column: () => AnyPgColumn) => uuid().notNull().references(column, { onDelete: 'cascade' })

const literals = (values: readonly string[]): SQL =>
  sql.raw(values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', '))

/** A check that a text column holds one of a fixed vocabulary. */
export const oneOf = (name: string, column: AnyPgColumn, values: readonly string[]) =>
  check(name, sql`${column} in (${literals(values)})`)

export const inStatus = (column: AnyPgColumn, values: readonly string[]): SQL => sql`${column} in (${literals(values)})`
