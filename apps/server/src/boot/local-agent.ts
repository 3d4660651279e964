import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Config } from '@juanie/core/config'
import type { Home } from '@juanie/core/home'
import { agentEnvironment, agentProgram, agentSettings, buildOf } from '@juanie/core/local-agent'
import { type AgentHolder, findHolder } from '@juanie/core/lock'
import { portHolder } from '@juanie/core/port-holder'
import { identify, isRunning, type ProcessIdentity, signal, waitUntilGone } from '@juanie/core/process-identity'
import { StartError } from '@juanie/core/start-error'

const startLimitMs = 20_000
const watchMs = 200
/** An agent that dies at once again and again is started ever more slowly, up to this. */
const slowestMs = 10_000

const startedAgain = 'The agent had ended and was started again.'

type Options = { config: Config; home: Home; env: Readonly<Record<string, string | undefined>> }

/** The agent of this machine: adopted or started, and started again whenever it dies. It outlives the server. */
export class LocalAgent {
  readonly #config: Config
  readonly #home: Home
  readonly #env: Record<string, string>
  #identity: ProcessIdentity | null = null
  #watch: NodeJS.Timeout | null = null
  #beginning: Promise<AgentHolder> | null = null
  #isReleased = false
  #wasKilled = false

  constructor({ config, home, env }: Options) {
    this.#config = config
    this.#home = home
    this.#env = agentEnvironment(env, config)
  }

  /** Whether the edge of this very home has the port that is wanted, so that nobody else has taken it. */
  async ownsEdgePort(): Promise<boolean> {
    const living = await findHolder(this.#home, 'agent')
    if (living?.edge?.port === this.#config.edgePort) return true
    const holder = await portHolder(this.#config.edgePort)
    return holder !== null && [this.#home.path, this.#home.given].some((path) => holder.command.includes(`${path}/`))
  }

  /** Adopts or starts the agent, once; resolves when it works and its edge listens. */
  begin(): Promise<AgentHolder> {
    this.#beginning ??= this.#begin()
    // Whoever asks last hears of a failure; those who only wanted it to begin need not.
    this.#beginning.catch(() => {})
    return this.#beginning
  }

  /** Leaves it to itself. */
  release(): void {
    this.#isReleased = true
    if (this.#watch) clearTimeout(this.#watch)
  }

  async #begin(): Promise<AgentHolder> {
    const living = (await this.#adopt()) ?? (await this.#launchForSure())
    // A crash point is for one death: the agent that comes after it must live.
    delete this.#env.JUANIE_CRASH_POINT
    this.#watchOver()
    return living
  }

  /** One that is killed while it starts says nothing about what it needs: it gets a second chance. */
  async #launchForSure(): Promise<AgentHolder> {
    try {
      return await this.#launch()
    } catch (error) {
      if (!this.#wasKilled) throw error
      delete this.#env.JUANIE_CRASH_POINT
      const living = await this.#launch()
      console.error(startedAgain)
      return living
    }
  }

  async #adopt(): Promise<AgentHolder | null> {
    const found = await findHolder(this.#home, 'agent')
    const identity = found ? identify(found.pid) : null
    if (!found || !identity) return null
    const isOurs =
      found.build === buildOf(agentProgram(this.#config.root)) && found.settings === agentSettings(this.#config)
    if (!isOurs) {
      // Its edge and its applications do not notice: the next one adopts them.
      signal(identity, 'SIGTERM')
      if (!(await waitUntilGone(identity, 5_000))) signal(identity, 'SIGKILL')
      await waitUntilGone(identity, 2_000)
      return null
    }
    this.#identity = identity
    return found.edge ? found : this.#ready(identity, () => null)
  }

  async #launch(): Promise<AgentHolder> {
    const log = join(this.#home.logs, 'agent.log')
    rotate(log)
    const descriptor = fs.openSync(log, 'a', 0o600)
    const offset = fs.fstatSync(descriptor).size
    const child = spawn(process.execPath, [agentProgram(this.#config.root)], {
      cwd: this.#home.agent,
      env: this.#env,
      detached: true,
      stdio: ['ignore', descriptor, descriptor],
    })
    fs.closeSync(descriptor)
    let failure: string | null = null
    child.once('error', (error) => {
      failure = error.message
    })
    this.#wasKilled = false
    child.once('exit', (code, signalName) => {
      this.#wasKilled = signalName !== null
      failure = fs.readFileSync(log, 'utf8').slice(offset).trim() || `it ended with ${signalName ?? `code ${code}`}`
    })
    child.unref()
    this.#identity = child.pid === undefined ? null : identify(child.pid)
    return this.#ready(this.#identity, () => failure)
  }

  async #ready(identity: ProcessIdentity | null, failure: () => string | null): Promise<AgentHolder> {
    const end = performance.now() + startLimitMs
    let told: AgentHolder | null = null
    while (performance.now() < end && failure() === null && !this.#isReleased) {
      told = await findHolder(this.#home, 'agent')
      if (told && told.pid === identity?.pid && told.edge) return told
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const why = told?.problem ?? failure() ?? `it did not become ready within ${startLimitMs / 1000} s`
    throw new StartError(`The agent does not work: ${why}`)
  }

  #watchOver(pauseMs = watchMs): void {
    if (this.#isReleased) return
    this.#watch = setTimeout(async () => {
      if (this.#identity && isRunning(this.#identity)) return this.#watchOver()
      const died = performance.now()
      try {
        if (!(await this.#adopt())) await this.#launch()
        if (!this.#isReleased) console.error(startedAgain)
        this.#watchOver()
      } catch (error) {
        if (this.#isReleased) return
        console.error((error as Error).message)
        const tookMs = performance.now() - died
        this.#watchOver(Math.min(slowestMs, Math.max(pauseMs * 2, tookMs)))
      }
    }, pauseMs)
  }
}

/** One earlier file is kept. */
function rotate(log: string): void {
  if ((fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 8 * 1024 * 1024) fs.renameSync(log, `${log}.1`)
}
