import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { loadConfig } from '@juanie/core/config'
import { findHome, type Home } from '@juanie/core/home'
import { agentEnvironment, agentProgram } from '@juanie/core/local-agent'
import { findHolder, type Holders } from '@juanie/core/lock'
import { stopLeftPostgres } from '@juanie/core/postgres/open'
import { identify, signal, waitUntilGone } from '@juanie/core/process-identity'
import { agentProcesses } from './agent-processes.ts'

export type Down = { home: string; ended: string[] }

/**
 * Ends everything of a home: server, database, agent, edge and applications, each in its own orderly way first. Needs no
 * server and may be repeated. `ended` names what there was.
 */
export async function down(env: Readonly<Record<string, string | undefined>>): Promise<Down> {
  const config = loadConfig(env)
  const home = findHome(config.home)
  if (!home) return { home: config.home, ended: [] }
  const ended: string[] = []
  if (await endHolder(home, 'server', 12_000)) ended.push('server')
  if (await endHolder(home, 'agent', 5_000)) ended.push('agent')
  const before = agentProcesses(home.agent).length
  if (before > 0) {
    await run([agentProgram(config.root), 'down'], agentEnvironment(env, config))
    await endLeftovers(home)
    ended.push('edge and applications')
  }
  if (fs.existsSync(home.database) && (await stopLeftPostgres(home))) ended.push('database')
  fs.rmSync(home.serverFile, { force: true })
  return { home: home.path, ended }
}

async function endHolder(home: Home, name: keyof Holders, patienceMs: number): Promise<boolean> {
  const holder = await findHolder(home, name)
  const identity = holder ? identify(holder.pid) : null
  if (!identity) return false
  signal(identity, 'SIGTERM')
  if (!(await waitUntilGone(identity, patienceMs))) {
    signal(identity, 'SIGKILL')
    await waitUntilGone(identity, 2_000)
  }
  return true
}

/** The agent's program in its mode that ends what agents keep running. Applications get their time to drain. */
function run(command: string[], env: Record<string, string>): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, command, { stdio: ['ignore', 2, 2], env, timeout: 90_000 })
    child.once('error', () => resolve()).once('exit', () => resolve())
  })
}

/** The last word: whatever did not end when it was asked to. */
async function endLeftovers(home: Home): Promise<void> {
  for (const [name, patienceMs] of [
    ['SIGTERM', 3_000],
    ['SIGKILL', 2_000],
    ['SIGKILL', 2_000],
  ] as const) {
    const left = agentProcesses(home.agent).flatMap(({ pid }) => identify(pid) ?? [])
    if (left.length === 0) return
    for (const identity of left) signal(identity, name)
    await Promise.all(left.map((identity) => waitUntilGone(identity, patienceMs)))
  }
}
