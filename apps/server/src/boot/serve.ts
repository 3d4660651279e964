import { closeSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { type Config, loadConfig } from '@juanie/core/config'
import { migrateDatabase } from '@juanie/core/database'
import { type Home, openHome, readMasterKey, stepUser, writeSecret } from '@juanie/core/home'
import type { ServerFile } from '@juanie/core/local-agent'
import { findHolder, type Lock, takeLock } from '@juanie/core/lock'
import { armCrashPoint } from '@juanie/core/points'
import { portRefusal, tryListen } from '@juanie/core/port-holder'
import { dataFolder } from '@juanie/core/postgres/data'
import { openPostgres } from '@juanie/core/postgres/open'
import { freePort } from '@juanie/core/postgres/postmaster'
import { PreparedClient } from '@juanie/core/prepared-client'
import { StartError } from '@juanie/core/start-error'
import { ensureUser } from '@juanie/core/system-user'
import pg from 'pg'
import { Closers } from './closers.ts'
import { LocalAgent } from './local-agent.ts'
import { endOfServing } from './signals.ts'
import { welcome } from './welcome.ts'

/**
 * The whole life of a server: home, lock, PostgreSQL, schema, application, agent, and all of it backwards when it is told
 * to end; agent, edge and applications go on. Gives the exit code; throws a `StartError` for what the person can mend.
 */
export async function serve(env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const end = endOfServing()
  const config = await withPorts(loadConfig(env))
  armCrashPoint(config.crashPoint ?? undefined)
  const home = openHome(config.home)
  const closers = new Closers()
  try {
    const lock = await lockHome(home, config)
    closers.add(async () => lock[Symbol.asyncDispose]())
    // Steps read repositories as this user; its group must be there before the folder gets it.
    if (process.getuid?.() === 0 && ensureUser(stepUser)) openHome(config.home)
    const agent = new LocalAgent({ config, home, env })
    await checkPorts(config, agent)

    // The key first: a home with a database and without a key is one that lost it.
    if (!config.masterKey) readMasterKey(home)
    closers.add(async () => agent.release())
    // Applications do not wait for the database, which after a reboot may have a log to replay. On a first start there
    // are none, and a database that cannot be opened leaves nothing behind.
    if (existsSync(dataFolder(home))) agent.begin()
    const opening = openPostgres(home, { databaseUrl: config.databaseUrl, onRestart: reportRestart })
    closers.add(async () => (await opening.catch(() => null))?.stop())
    // Loading the application takes about as long as PostgreSQL takes to start, and is done meanwhile.
    const loaded = await Promise.race([Promise.all([opening, import('../app.ts')]), end.then(() => null)])
    if (!loaded) return 0
    const [postgres, { createApp }] = loaded
    agent.begin()
    const pool = openPool(postgres.url)
    closers.add(() => pool.end())
    await migrateDatabase(pool, config.root)
    const app = await createApp({ config, home, pool })
    closers.add(() => app.close())
    const listening = await app.listen().catch(async (error) => {
      throw isListenError(error) ? await portRefusal('PORT', config.port, error) : error
    })
    const local: ServerFile = { url: localUrl(config), pid: process.pid }
    writeSecret(home.serverFile, JSON.stringify(local))
    closers.add(async () => rmSync(home.serverFile, { force: true }))
    lock.announce({ pid: process.pid, url: config.url })

    const living = await Promise.race([agent.begin(), end.then(() => null)])
    if (living) {
      const text = await welcome({
        config,
        home,
        agent: living,
        url: listening.url,
        firstSteps: await app.firstSteps(),
      })
      sayReady(config, text)
      const reason = await end
      console.log(`\nEnding after ${reason}: the server and its database stop, agent and applications go on.`)
    }
    return 0
  } finally {
    await closers.close(9_000)
  }
}

/** Port 0 asks for any: it is chosen here, so that links and cookies can be made with it. */
async function withPorts(config: Config): Promise<Config> {
  if (config.port !== 0) return config
  const port = await freePort(config.host)
  return { ...config, port, url: config.isUrlGiven ? config.url : `http://127.0.0.1:${port}` }
}

async function lockHome(home: Home, config: Config): Promise<Lock<'server'>> {
  // Twice, for the case that the holder ends between the two looks.
  for (let attempt = 0; attempt < 2; attempt++) {
    const lock = await takeLock(home, 'server', { pid: process.pid, url: config.url })
    if (lock) return lock
    const holder = await findHolder(home, 'server')
    if (!holder) continue
    throw new StartError(
      `A server already runs on ${home.given}${holder.url ? ` at ${holder.url}` : ''}${holder.pid ? ` (process ${holder.pid})` : ''}. End it with "juanie down", or give this one another home. Example: JUANIE_HOME=/srv/juanie-2`,
    )
  }
  throw new StartError(`Another server is just ending on ${home.given}. Start again.`)
}

/** Before anything is started: a taken port must not leave a database or an agent behind. */
async function checkPorts(config: Config, agent: LocalAgent): Promise<void> {
  const server = await tryListen(config.host, config.port)
  if (server !== 'free') throw await portRefusal('PORT', config.port, server)
  if (config.edgePort === 0 || (await agent.ownsEdgePort())) return
  const edge = await tryListen(config.edgeHost, config.edgePort)
  if (edge !== 'free') throw await portRefusal('EDGE_PORT', config.edgePort, edge)
}

function openPool(url: string): pg.Pool {
  // Two stay open when all is quiet: a push after a pause must not wait for new ones.
  const pool = new pg.Pool({ connectionString: url, max: 20, min: 2, keepAlive: true, Client: PreparedClient })
  // Without a listener, an idle connection that the database closes ends the process. The pool replaces it by itself.
  pool.on('error', () => {})
  return pool
}

const isListenError = (error: unknown): error is NodeJS.ErrnoException =>
  (error as NodeJS.ErrnoException | null)?.syscall === 'listen'

/** Where this machine reaches the server, which may listen on all addresses. */
function localUrl({ host, port }: Config): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

function reportRestart(error: Error | null): void {
  console.error(
    error ? `PostgreSQL could not be started again: ${error.message}` : 'PostgreSQL had ended and was started again.',
  )
}

/**
 * On the terminal; or, when another program started this one in the background and waits, to that one alone: a one-time
 * link has no place in a log.
 */
function sayReady(config: Config, text: string): void {
  if (config.readyFd === null) {
    console.log(text)
    return
  }
  try {
    writeFileSync(config.readyFd, text)
    closeSync(config.readyFd)
  } catch (error) {
    // Whoever waited has gone; the server runs all the same.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}
