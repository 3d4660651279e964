import pg from 'pg'
import type { Home } from '../home.ts'
import { isRunning } from '../process-identity.ts'
import { StartError } from '../start-error.ts'
import { findBinaries } from './binaries.ts'
import { databaseUser, initialize, readPassword } from './data.ts'
import {
  findPostmaster,
  type Postmaster,
  type StartOptions,
  startPostmaster,
  stopPostmaster,
  urlOf,
} from './postmaster.ts'

export type Postgres = AsyncDisposable & {
  url: string
  /** True when a PostgreSQL that outlived an earlier server was taken over. */
  isAdopted: boolean
  /** False for one that DATABASE_URL names, which is never stopped. */
  isEmbedded: boolean
  /** The process that serves now; 0 for an external one. */
  pid(): number
  /** To be called last, when nobody uses the database any more. */
  stop(): Promise<void>
}

type Options = {
  databaseUrl?: string | null
  /** Further settings of the server, which win over ours. */
  settings?: Record<string, string>
  /** Told when a PostgreSQL that died was started again, or could not be. */
  onRestart?: (error: Error | null) => void
}

const oldest = 15

/**
 * Opens the database of an installation: the external one, or the one that lives in the home, which is made, started or
 * adopted as needed and started again on the same port whenever it dies. The caller holds the lock of the home.
 */
export async function openPostgres(home: Home, options: Options = {}): Promise<Postgres> {
  if (options.databaseUrl) return openExternal(options.databaseUrl)
  const password = readPassword(home)
  const adopted = await findPostmaster(home, password)
  let start: StartOptions | null = null
  const prepare = async (): Promise<StartOptions> => {
    const user = databaseUser(home)
    const binaries = findBinaries(home, user !== null)
    await initialize(home, binaries, user, options.settings?.fsync !== 'off')
    return { home, binaries, user, password, extra: options.settings }
  }
  let current: Postmaster
  if (adopted) current = adopted
  else {
    start = await prepare()
    current = await startPostmaster(start)
  }
  try {
    await ensureDatabase(current.port, password)
  } catch (error) {
    await stopPostmaster(home, current)
    throw error
  }

  let isStopping = false
  let restart: Promise<void> | null = null
  let notBefore = 0
  const { port } = current
  const watch = setInterval(() => {
    if (isStopping || restart || performance.now() < notBefore || isRunning(current.identity)) return
    restart = (async () => {
      try {
        await findPostmaster(home, password)
        start ??= await prepare()
        // The same port, because every open pool and the agent's applications know only this one.
        current = await startPostmaster({ ...start, port })
        options.onRestart?.(null)
      } catch (error) {
        notBefore = performance.now() + 2_000
        options.onRestart?.(error as Error)
      } finally {
        restart = null
      }
    })()
  }, 250)
  watch.unref()

  let stopped: Promise<void> | null = null
  const stop = () => {
    stopped ??= (async () => {
      isStopping = true
      clearInterval(watch)
      await restart
      await stopPostmaster(home, current)
    })()
    return stopped
  }
  return {
    url: urlOf(port, password),
    isAdopted: adopted !== null,
    isEmbedded: true,
    pid: () => current.identity.pid,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Ends the PostgreSQL of a home that no server runs on; false when there was none. */
export async function stopLeftPostgres(home: Home): Promise<boolean> {
  const found = await findPostmaster(home, readPassword(home))
  if (found) await stopPostmaster(home, found)
  return found !== null
}

async function ensureDatabase(port: number, password: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(port, password, 'postgres'), connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rowCount } = await client.query(`select from pg_database where datname = 'juanie'`)
    if (rowCount === 0) await client.query('create database juanie')
  } finally {
    await client.end()
  }
}

async function openExternal(url: string): Promise<Postgres> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  const { host, pathname } = new URL(url)
  const where = `DATABASE_URL: the PostgreSQL at ${host}, database ${decodeURIComponent(pathname.slice(1))}`
  let version: number
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`)
    version = Math.floor(Number(rows[0]!.version) / 10_000)
  } catch (error) {
    // The driver's message names the cause (refused, no such host, wrong password) and never the password.
    throw new StartError(`${where} cannot be used: ${(error as Error).message || (error as { code?: string }).code}`, {
      cause: error,
    })
  } finally {
    await client.end().catch(() => {})
  }
  if (version < oldest) throw new StartError(`${where} is version ${version}; Juanie needs ${oldest} or newer.`)
  const stop = async () => {}
  return { url, isAdopted: false, isEmbedded: false, pid: () => 0, stop, [Symbol.asyncDispose]: stop }
}
