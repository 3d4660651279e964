import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import type { Home } from '../home.ts'
import { identify, isRunning, type ProcessIdentity, processes, signal, waitUntilGone } from '../process-identity.ts'
import { StartError } from '../start-error.ts'
import type { SystemUser } from '../system-user.ts'
import type { Binaries } from './binaries.ts'
import { dataFolder } from './data.ts'
import { explain } from './explain.ts'

/** Small memory first: Juanie shares one small machine with the applications that it runs. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  max_connections: '100',
  shared_buffers: '32MB',
  // Worker processes for reading ahead would cost more memory than they save on a database of this size.
  io_method: 'sync',
  huge_pages: 'off',
  jit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  min_wal_size: '32MB',
  max_wal_size: '256MB',
  autovacuum_max_workers: '2',
  autovacuum_worker_slots: '2',
  log_timezone: 'UTC',
  timezone: 'UTC',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
} as const

export type Postmaster = { identity: ProcessIdentity; port: number }

export const urlOf = (port: number, password: string, database = 'juanie') =>
  `postgres://juanie:${password}@127.0.0.1:${port}/${database}`

/**
 * The PostgreSQL that still runs on this data, found through the file that it keeps there: line 1 is its pid, line 4
 * its port. Null when there is none; one that is just shutting down is waited for.
 */
export async function findPostmaster(home: Home, password: string): Promise<Postmaster | null> {
  const data = dataFolder(home)
  const end = performance.now() + 30_000
  while (performance.now() < end) {
    const found = readPidFile(data)
    if (!found) break
    const identity = identify(found.pid)
    if (!identity || !belongsTo(data, found.pid)) break
    const answer = found.port ? await tryConnect(urlOf(found.port, password, 'postgres')) : 'starting'
    if (answer === 'ready') return { identity, port: found.port }
    if (answer === 'stranger') break
    await pause(20)
  }
  await clearStalePidFile(data)
  return null
}

export type StartOptions = {
  home: Home
  binaries: Binaries
  user: SystemUser | null
  password: string
  port?: number
  extra?: Record<string, string>
}

/** Starts PostgreSQL in a session of its own, so that a Ctrl-C at the terminal does not reach it, and waits until it answers. */
export async function startPostmaster(options: StartOptions): Promise<Postmaster> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = options.port ?? (attempt === 0 && (await isFree(54_330)) ? 54_330 : await freePort())
    const started = await startOn(port, options)
    if (started !== 'port taken') return started
  }
  throw new StartError('PostgreSQL found no free port on 127.0.0.1 in five attempts.')
}

async function startOn(
  port: number,
  { home, binaries, user, password, extra }: StartOptions,
): Promise<Postmaster | 'port taken'> {
  const data = dataFolder(home)
  const log = join(home.logs, 'postgresql.log')
  rotate(log)
  const descriptor = fs.openSync(log, 'a', 0o600)
  const offset = fs.fstatSync(descriptor).size
  const args = ['-D', data, '-p', String(port)]
  for (const [name, value] of Object.entries({ ...settings, ...extra })) args.push('-c', `${name}=${value}`)
  const child = spawn(binaries.postgres, args, {
    cwd: data,
    env: { PATH: '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' },
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  fs.closeSync(descriptor)
  let failure: Error | null = null
  let isOver = false
  child.once('error', (error) => {
    failure = error
    isOver = true
  })
  child.once('exit', () => {
    isOver = true
  })
  child.unref()
  const identity = child.pid === undefined ? null : identify(child.pid)

  // Replaying the write-ahead log after a crash may take a while; an end of the process is seen at once.
  const end = performance.now() + 300_000
  while (!isOver && performance.now() < end) {
    if (identity && (await tryConnect(urlOf(port, password, 'postgres'))) === 'ready') {
      // Somebody else's PostgreSQL on that port would have refused the password, and ours would have ended.
      return { identity, port }
    }
    await pause(8)
  }
  if (!isOver && identity) await stopPostmaster(home, { identity, port })
  const said = failure ?? new Error(readFrom(log, offset))
  if (/could not bind|Address already in use/.test(said.message)) return 'port taken'
  throw explain(home, `PostgreSQL did not start (its log is ${log})`, said)
}

/** A fast shutdown: sessions are ended and everything is written. What does not end in time is killed. */
export async function stopPostmaster(home: Home, { identity }: Postmaster, timeoutMs = 6_000): Promise<void> {
  for (const [name, waitMs] of [
    ['SIGINT', timeoutMs],
    ['SIGQUIT', 1_500],
    ['SIGKILL', 1_500],
  ] as const) {
    if (!signal(identity, name) || (await waitUntilGone(identity, waitMs))) break
  }
  await killStragglers(dataFolder(home), 1_000)
}

type Answer = 'ready' | 'starting' | 'refused' | 'stranger'

async function tryConnect(url: string): Promise<Answer> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return 'ready'
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ECONNREFUSED') return 'refused'
    // cannot_connect_now: starting up, recovering or shutting down.
    if (code === '57P03') return 'starting'
    return code === '28P01' || code === '28000' ? 'stranger' : 'starting'
  } finally {
    await client.end().catch(() => {})
  }
}

function readPidFile(data: string): { pid: number; port: number } | null {
  try {
    const lines = fs.readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return { pid: Number(lines[0]), port: Number(lines[3] ?? 0) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** Every process of PostgreSQL works in its data folder. Where that cannot be seen, the answer is yes. */
function belongsTo(data: string, pid: number): boolean {
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`) === data
  } catch {
    return process.platform !== 'linux'
  }
}

/**
 * PostgreSQL refuses to start when its file names a process that exists, and takes a zombie or a stranger with the same
 * number for one. The file goes only when no process works in the folder any more.
 */
async function clearStalePidFile(data: string): Promise<void> {
  const found = readPidFile(data)
  if (!found || process.platform !== 'linux') return
  await killStragglers(data, 5_000)
  if (!identify(found.pid) || !belongsTo(data, found.pid)) fs.rmSync(join(data, 'postmaster.pid'), { force: true })
}

/** Backends notice by themselves that their postmaster is dead; those that do not in time are killed. */
async function killStragglers(data: string, patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs
  const inFolder = () => [...processes()].filter(({ cwd }) => cwd === data).flatMap(({ pid }) => identify(pid) ?? [])
  let left = inFolder()
  while (left.length > 0 && performance.now() < end) {
    await pause(20)
    left = left.filter(isRunning)
  }
  for (const identity of inFolder()) signal(identity, 'SIGKILL')
  for (const identity of left) await waitUntilGone(identity, 1_000)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}

/** The log holds warnings and worse; one earlier file is kept. */
function rotate(log: string): void {
  if ((fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 4 * 1024 * 1024) fs.renameSync(log, `${log}.1`)
}

function readFrom(file: string, offset: number): string {
  const descriptor = fs.openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(64 * 1024)
    return buffer.toString('utf8', 0, fs.readSync(descriptor, buffer, 0, buffer.length, offset))
  } finally {
    fs.closeSync(descriptor)
  }
}
