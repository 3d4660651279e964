import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { loadConfig } from '@juanie/core/config'
import { type Home, openHome } from '@juanie/core/home'
import type { ServerFile } from '@juanie/core/local-agent'
import { findHolder } from '@juanie/core/lock'
import { StartError } from '@juanie/core/start-error'

export type Up = { kind: 'started' | 'already up'; text: string; url: string; pid: number; home: string; log: string }

/** Replaying a write-ahead log after a crash takes its time; anything longer is worth a look at the log. */
const limitMs = 300_000

/**
 * Starts the server in the background and resolves when it is ready, with what `npm start` would have printed; or waits
 * for the one that is there. Throws a `StartError` with the server's own words when it does not start.
 */
export async function up(env: Readonly<Record<string, string | undefined>>): Promise<Up> {
  const config = loadConfig(env)
  const home = openHome(config.home)
  const log = join(home.logs, 'server.log')
  const holder = await findHolder(home, 'server')
  if (holder) {
    await untilReady(home)
    const text = `Juanie is up already at ${holder.url} (process ${holder.pid}), on ${home.given}.`
    return { kind: 'already up', text, url: holder.url, pid: holder.pid, home: home.path, log }
  }

  // The command itself is built without the console, for it answers without it; the server hands the console out. Not
  // under a server that runs, which names the files of the build that it began with.
  const { ensureBuilt } = await import(pathToFileURL(join(config.root, 'scripts', 'ensure-built.mjs')).href)
  await ensureBuilt('web')

  if ((fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 8 * 1024 * 1024) fs.renameSync(log, `${log}.1`)
  const descriptor = fs.openSync(log, 'a', 0o600)
  const offset = fs.fstatSync(descriptor).size
  const child = spawn(process.execPath, [join(config.root, 'dist', 'server.mjs')], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', descriptor, descriptor, 'pipe'],
    env: { ...env, JUANIE_ROOT: config.root, JUANIE_HOME: config.home, JUANIE_READY_FD: '3' },
  })
  fs.closeSync(descriptor)
  const ready = child.stdio[3] as Readable
  const timer = setTimeout(() => ready.destroy(), limitMs)
  const text = await readAll(ready)
  clearTimeout(timer)
  if (text) {
    child.unref()
    const { url } = (await findHolder(home, 'server')) ?? { url: config.url }
    return { kind: 'started', text, url, pid: child.pid!, home: home.path, log }
  }
  if (child.exitCode === null && child.signalCode === null && ready.errored === null) await once(child, 'exit')
  const said = fs.readFileSync(log).subarray(offset).toString('utf8').trim()
  throw new StartError(said.split('\n').slice(-20).join('\n') || `The server ended without a word; its log is ${log}.`)
}

async function readAll(stream: Readable): Promise<string> {
  let text = ''
  try {
    for await (const chunk of stream) text += chunk
  } catch {
    // The wait was given up.
  }
  return text
}

/** Somebody else's start may be under way. */
async function untilReady(home: Home): Promise<void> {
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    const url = serverUrl(home)
    const answer = url ? await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => null) : null
    await answer?.body?.cancel()
    if (answer?.ok) return
    if (!(await findHolder(home, 'server'))) throw new StartError('The server that was starting ended. Start again.')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new StartError(`The server does not become ready; its log is ${join(home.logs, 'server.log')}.`)
}

/** Where the living server of a home answers on this machine; null when it does not yet. */
export function serverUrl(home: Home): string | null {
  try {
    return (JSON.parse(fs.readFileSync(home.serverFile, 'utf8')) as ServerFile).url
  } catch {
    return null
  }
}
