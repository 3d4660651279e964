import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { type Config, loadConfig } from '@juanie/core/config'
import { closedFolder, findHome, type Home } from '@juanie/core/home'
import { agentProgram, agentSettings, buildOf } from '@juanie/core/local-agent'
import { findHolder } from '@juanie/core/lock'
import { portRefusal, tryListen } from '@juanie/core/port-holder'
import { serverUrl } from './up.ts'

export type Finding = {
  name: string
  /** `hint`: it works, and could be better; `wrong`: something does not work. */
  verdict: 'good' | 'hint' | 'wrong'
  says: string
}

const run = promisify(execFile)

/** Looks at this machine, the configuration and what runs. Changes nothing. */
export async function doctor(env: Readonly<Record<string, string | undefined>>): Promise<Finding[]> {
  const findings: Finding[] = [node(), await git()]
  let config: Config
  try {
    config = loadConfig(env)
  } catch (error) {
    return [...findings, { name: 'configuration', verdict: 'wrong', says: (error as Error).message }]
  }
  findings.push({ name: 'configuration', verdict: 'good', says: 'every variable can be read' })
  const home = findHome(config.home)
  findings.push(...folder(config, home))
  findings.push(...(await running(config, home)))
  findings.push(await isolation(home))
  return findings
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24
  const says = `Node.js ${process.versions.node}`
  return fits
    ? { name: 'node', verdict: 'good', says }
    : { name: 'node', verdict: 'wrong', says: `${says}; Juanie needs 20.19, 22.12 or 24 and newer` }
}

async function git(): Promise<Finding> {
  try {
    const { stdout } = await run('git', ['--version'], { timeout: 5_000 })
    return { name: 'git', verdict: 'good', says: stdout.trim() }
  } catch {
    return { name: 'git', verdict: 'wrong', says: 'git cannot be run; install it and put it on the PATH' }
  }
}

function folder(config: Config, home: Home | null): Finding[] {
  if (!home) {
    const closed = process.getuid?.() === 0 ? closedFolder(config.home) : null
    const says = closed
      ? `${config.home} does not exist yet; because ${closed} is closed to others, the data will lie below /var/lib/juanie`
      : `${config.home} does not exist yet; the first start makes it`
    return [{ name: 'home', verdict: 'good', says }]
  }
  const findings: Finding[] = [
    { name: 'home', verdict: 'good', says: home.isMoved ? `${home.path} (${home.given} leads there)` : home.path },
  ]
  const open = [home.database, home.blobs, home.logs, home.run, home.masterKeyFile].filter(
    (path) => ((fs.statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0,
  )
  if (open.length > 0) {
    findings.push({
      name: 'modes',
      verdict: 'wrong',
      says: `others may read ${open.join(', ')}; the next start closes them`,
    })
  }
  return [...findings, ...disks(home)]
}

/** One finding for each disk that a part of the home lies on. */
function disks(home: Home): Finding[] {
  const parts = [home.path, home.database, home.blobs, home.repositories, home.agent, home.logs]
  const byDevice = new Map(parts.toReversed().map((path) => [fs.statSync(path).dev, path]))
  return [...byDevice.values()].toReversed().map((path) => {
    const { bavail, bsize } = fs.statfsSync(path)
    const freeMb = Math.floor((bavail * bsize) / 1024 / 1024)
    return {
      name: 'disk',
      verdict: freeMb < 200 ? 'wrong' : freeMb < 2_000 ? 'hint' : 'good',
      says: `${freeMb} MB free${path === home.path ? '' : ` for ${path}`}`,
    }
  })
}

async function running(config: Config, home: Home | null): Promise<Finding[]> {
  const server = home ? await findHolder(home, 'server') : null
  const agent = home ? await findHolder(home, 'agent') : null
  const findings: Finding[] = []
  if (home && server) {
    const url = serverUrl(home)
    const answer = url ? await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => null) : null
    await answer?.body?.cancel()
    findings.push(
      answer?.ok
        ? { name: 'server', verdict: 'good', says: `ready at ${server.url} (process ${server.pid})` }
        : { name: 'server', verdict: 'wrong', says: `process ${server.pid} is not ready; its log is in ${home.logs}` },
    )
  } else {
    findings.push({ name: 'server', verdict: 'hint', says: 'does not run; start it with "juanie up" or "npm start"' })
    findings.push(await port('PORT', config.host, config.port))
  }
  if (agent) {
    const isCurrent =
      fs.existsSync(agentProgram(config.root)) &&
      agent.build === buildOf(agentProgram(config.root)) &&
      agent.settings === agentSettings(config)
    const edge = agent.edge ? `, edge on ${agent.edge.host}:${agent.edge.port}` : ''
    findings.push(
      agent.problem
        ? { name: 'agent', verdict: 'wrong', says: agent.problem }
        : {
            name: 'agent',
            verdict: isCurrent ? 'good' : 'hint',
            says: `process ${agent.pid}${edge}${isCurrent ? '' : '; of another build or configuration, the next start of the server replaces it'}`,
          },
    )
  } else {
    findings.push({ name: 'agent', verdict: server ? 'wrong' : 'hint', says: 'does not run; the server starts it' })
    findings.push(await port('EDGE_PORT', config.edgeHost, config.edgePort))
  }
  return findings
}

async function port(variable: 'PORT' | 'EDGE_PORT', host: string, number: number): Promise<Finding> {
  const name = variable === 'PORT' ? 'port' : 'edge port'
  const result = number === 0 ? 'free' : await tryListen(host, number)
  return result === 'free'
    ? { name, verdict: 'good', says: number === 0 ? 'any free one' : `${host}:${number} is free` }
    : { name, verdict: 'wrong', says: (await portRefusal(variable, number, result)).message }
}

/** The agent knows what holds; without one, bubblewrap is tried as the agent would. */
async function isolation(home: Home | null): Promise<Finding> {
  const told = home ? (await findHolder(home, 'agent'))?.isolation : null
  const isRoot = process.getuid?.() === 0
  const level = told ?? ((await bubblewrapWorks()) ? 'isolated' : isRoot ? 'separate users' : 'trusted')
  const hint = 'install bubblewrap, and allow user namespaces, to protect projects from each other'
  return level === 'isolated'
    ? { name: 'isolation', verdict: 'good', says: level }
    : { name: 'isolation', verdict: 'hint', says: `${level}; ${hint}` }
}

async function bubblewrapWorks(): Promise<boolean> {
  const args = ['--ro-bind', '/', '/', '--unshare-pid', '--proc', '/proc', '--dev', '/dev', 'true']
  return run('bwrap', args, { timeout: 5_000 }).then(
    () => true,
    () => false,
  )
}
