import { createHash, randomUUID } from 'node:crypto'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import type { Config } from '@juanie/core/config'
import { messageOf } from '@juanie/core/errors'
import { type Home, openHome } from '@juanie/core/home'
import { agentSettings, buildOf } from '@juanie/core/local-agent'
import { type AgentHolder, findHolder, type Lock, takeLock } from '@juanie/core/lock'
import { armCrashPoint } from '@juanie/core/points'
import { StartError } from '@juanie/core/start-error'
import type { Desired, Frame } from '@juanie/services/hosts/contract'
import { Connection } from './connection/connection.ts'
import type { ServerAddress } from './connection/server.ts'
import { EdgeSupervisor } from './edge/supervisor.ts'
import { localAddress, remoteAddress } from './host/address.ts'
import { ControlGroups } from './host/control-groups.ts'
import { findIsolation, type HostIsolation } from './host/isolation.ts'
import { prepareTools } from './host/tools.ts'
import { ActionNodes } from './jobs/action-nodes.ts'
import { jobPrograms } from './jobs/job-programs.ts'
import { Jobs } from './jobs/jobs.ts'
import { endLeftSteps } from './jobs/left-steps.ts'
import { Runtime } from './runtime/runtime.ts'
import { takeDown } from './runtime/survivors.ts'

export interface AgentOptions {
  config: Config
  /** The agent's own program, beside which those of the edge and of users' tools lie. */
  program: string
  /** Null: the server of this very home. */
  server: { url: string; tokenFile: string } | null
  say(line: string): void
  /** A newer program lies on the disk and nothing is worked on: time to make room for it. */
  onReplace(): void
}

export interface RunningAgent {
  /** Ends this process's part alone; edge and instances go on. Steps end with their agent. */
  release(): Promise<void>
}

/** Tells the processes of this home from those of others on the same machine. */
const homeMark = (home: Home): string => createHash('sha256').update(home.path).digest('hex').slice(0, 16)

const edgeGraceMs = 5_000
const replaceLookMs = 1_000

/** Takes the home for this agent and works until `release`. Throws a `StartError` for what a person can mend. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { config, program } = options
  const home = openHome(config.home)
  const holder: AgentHolder = {
    pid: process.pid,
    build: buildOf(program),
    settings: agentSettings(config),
    edge: null,
    isolation: null,
    problem: null,
  }
  const lock = await demandLock(home, holder)
  const agent = new Agent(options, { home, lock, holder })
  try {
    await agent.start()
    return agent
  } catch (error) {
    lock.announce({ ...holder, problem: messageOf(error) })
    await agent.release()
    throw error
  }
}

/** Ends every instance and the edge of a home whose agent is gone. What is wanted stays known for the next start. */
export async function endAll(options: Pick<AgentOptions, 'config' | 'program'>): Promise<void> {
  const home = openHome(options.config.home)
  const holder = { pid: process.pid, build: '', settings: '', edge: null, isolation: null, problem: null }
  await using _lock = await demandLock(home, holder)
  await supervisorOf(home, options).stop(edgeGraceMs)
  await takeDown(home.agent, homeMark(home))
  await endLeftSteps(join(home.agent, 'jobs'))
}

async function demandLock(home: Home, holder: AgentHolder): Promise<Lock<'agent'>> {
  const lock = await takeLock(home, 'agent', holder)
  if (lock) return lock
  const living = await findHolder(home, 'agent')
  const who = living ? ` (process ${living.pid})` : ''
  throw new StartError(`An agent already runs on ${home.path}${who}. End it with: juanie down`)
}

const supervisorOf = (
  home: Home,
  { config, program }: Pick<AgentOptions, 'config' | 'program'>,
  onEvent?: ConstructorParameters<typeof EdgeSupervisor>[0]['onEvent'],
) =>
  new EdgeSupervisor({
    folder: join(home.agent, 'edge'),
    entry: join(dirname(program), 'edge.mjs'),
    settings: { host: config.edgeHost, port: config.edgePort, trustProxy: config.trustProxy },
    onEvent,
  })

class Agent implements RunningAgent {
  readonly #options: AgentOptions
  readonly #home: Home
  readonly #lock: Lock<'agent'>
  readonly #holder: AgentHolder
  readonly #incarnation = randomUUID()
  readonly #supervisor: EdgeSupervisor
  #edge: { isServing: boolean; problem: string | null } = { isServing: false, problem: null }
  #isolation: HostIsolation | null = null
  #runtime: Runtime | null = null
  #connection: Connection | null = null
  #jobs: Jobs | null = null
  #hostId: string | null = null
  #replacing: NodeJS.Timeout | null = null

  constructor(options: AgentOptions, held: { home: Home; lock: Lock<'agent'>; holder: AgentHolder }) {
    this.#options = options
    this.#home = held.home
    this.#lock = held.lock
    this.#holder = held.holder
    this.#supervisor = supervisorOf(held.home, options, (event) => {
      const isServing = !['died', 'hung', 'failing'].includes(event.kind)
      this.#edge = { isServing, problem: event.kind === 'failing' ? event.error.message : null }
      if (event.kind !== 'started' && event.kind !== 'adopted') {
        options.say(`The edge: ${event.kind}${event.kind === 'failing' ? `: ${event.error.message}` : ''}.`)
      }
      if (event.kind === 'restarted') this.#runtime?.edgeIsBack()
      this.#connection?.changed()
    })
  }

  async start(): Promise<void> {
    const { config, program, say } = this.#options
    armCrashPoint(config.crashPoint ?? undefined)
    const beside = (name: string) => join(dirname(program), `${name}.mjs`)
    const tools = prepareTools(this.#home, { staticServer: beside('static'), packer: beside('pack') })
    this.#isolation = await findIsolation({ tools: tools.folders })
    say(`Isolation: ${sentences[this.#isolation.kind]}`)
    const edge = await this.#supervisor.start()
    await endLeftSteps(join(this.#home.agent, 'jobs'))
    const controlGroups = ControlGroups.open(`juanie-${homeMark(this.#home)}`)
    const connection = this.#connect()
    this.#connection = connection
    this.#runtime = new Runtime({
      folder: this.#home.agent,
      homeMark: homeMark(this.#home),
      server: connection.server,
      isolation: this.#isolation,
      tools,
      controlGroups,
      edge: {
        setTable: (table) => this.#supervisor.client.setTable(table),
        tableVersion: async () => (await this.#supervisor.client.identity()).tableVersion,
        waitDrained: async (target, limitMs) => {
          await this.#supervisor.client.waitDrained(target, limitMs)
        },
      },
      wakeLog: (log) => connection.wake(log),
      forgetLog: (log) => connection.forget(log),
      changed: (when) => connection.changed(when),
      log: say,
    })
    const isolation = this.#isolation
    this.#jobs = new Jobs({
      home: this.#home.agent,
      nodeFolder: dirname(tools.node),
      nodes: new ActionNodes({ folder: join(this.#home.agent, 'nodes'), own: tools.node, given: config.node24 }),
      toolSeed: config.toolCache,
      jobEnvironment: config.jobEnvironment,
      user: isolation.users.step,
      upstream: connection,
      programsFor: (job) =>
        jobPrograms({
          isolation,
          controlGroups,
          node: tools.node,
          path: tools.path,
          packer: tools.packer,
          ...job,
        }),
      warn: (message, error) => say(`${message}: ${messageOf(error)}`),
    })
    await this.#jobs.clean()
    await this.#runtime.start()
    connection.open()
    connection.startObserving()
    this.#lock.announce({ ...this.#holder, edge: edge.listen, isolation: this.#isolation.kind })
  }

  async release(): Promise<void> {
    if (this.#replacing) clearInterval(this.#replacing)
    this.#connection?.close()
    this.#runtime?.release()
    this.#supervisor.release()
    await this.#jobs?.close()
    await this.#lock[Symbol.asyncDispose]()
  }

  #connect(): Connection {
    const { config, server, say } = this.#options
    const address: ServerAddress = server ? remoteAddress(server.url, server.tokenFile) : localAddress(this.#home)
    return new Connection({
      address,
      incarnation: this.#incarnation,
      spool: join(this.#home.agent, 'spool'),
      introduce: () => ({
        build: this.#holder.build,
        slots: config.agentJobs,
        isolation: this.#isolation?.kind ?? 'trusted',
        labels: ['self-hosted', platform(), arch()],
      }),
      holding: () => this.#jobs?.holding() ?? [],
      onFrame: (frame) => this.#take(frame),
      onLost: ({ jobId, fence }) => this.#jobs?.cancel(jobId, fence, 'lost'),
      observe: () => ({
        ...this.#runtime!.observe(),
        edge: {
          state: this.#edge.isServing ? 'serving' : 'down',
          host: this.#supervisor.identity?.listen?.host ?? config.edgeHost,
          port: this.#supervisor.identity?.listen?.port ?? null,
          problem: this.#edge.problem,
        },
      }),
      onProbesStored: (probes) => this.#runtime?.probesStored(probes),
      measures: {
        traffic: () => this.#supervisor.client.traffic(),
        counted: (counted) => this.#supervisor.client.counted(counted),
        usage: () => this.#runtime?.usage() ?? [],
      },
      log: say,
    })
  }

  #take(frame: Frame): void {
    if (frame.type === 'hello') {
      if (this.#hostId !== null && this.#hostId !== frame.hostId) this.#runtime?.forgetRevision()
      this.#hostId = frame.hostId
      if (frame.replace) this.#makeRoom()
    } else if (frame.type === 'lease') this.#jobs?.lease(frame)
    else if (frame.type === 'cancel') this.#jobs?.cancel(frame.jobId, frame.fence, frame.reason)
    else if (frame.type === 'desired') this.#apply(frame.desired)
  }

  #apply(desired: Desired): void {
    const failed = (error: unknown) => this.#options.say(`The desired state could not be taken in: ${messageOf(error)}`)
    this.#runtime?.want(desired).catch(failed)
  }

  /** Only for a newer program that is really there, and never in the middle of a job. */
  #makeRoom(): void {
    this.#replacing ??= setInterval(() => {
      const isNewer = attempt(() => buildOf(this.#options.program)) !== this.#holder.build
      if (isNewer && this.#connection?.held().length === 0) this.#options.onReplace()
    }, replaceLookMs)
  }
}

const sentences: Record<HostIsolation['kind'], string> = {
  isolated: 'isolated. Every job and every instance runs in bubblewrap and sees its own folder only.',
  'separate users':
    'separate users. Programs run as users of their own, but projects are not protected from each other; install bubblewrap for that.',
  trusted:
    'trusted. Programs run as the user of Juanie itself and can read what it can; install bubblewrap to change that.',
}

function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
