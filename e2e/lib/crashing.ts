import { openHome } from '@juanie/core/home'
import { findHolder } from '@juanie/core/lock'
import { identify, isRunning } from '@juanie/core/process-identity'
import { type Juanie, until } from './juanie.ts'

/** A server that dies at one point after another; each time it is started again, to die at the next. */
export class DyingServer {
  readonly #juanie: Juanie
  readonly #points: string[]
  /** Where it died so far, in order. */
  readonly reached: string[] = []
  /** Called at each death, before the next start. */
  onDeath: (point: string) => Promise<void> = async () => {}
  #isOver = false
  #isMeant = false
  #over: () => void = () => {}
  #loop: Promise<void> = Promise.resolve()
  #error: unknown = null

  constructor(juanie: Juanie, points: string[]) {
    this.#juanie = juanie
    this.#points = points
  }

  async begin(): Promise<void> {
    await this.#juanie.stopServer('SIGKILL')
    const over = new Promise<void>((resolve) => {
      this.#over = resolve
    })
    await this.#start()
    this.#loop = this.#supervise(over).catch((error) => {
      this.#error = error
    })
  }

  /** Throws what went wrong with the server itself; it lives afterwards. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#over()
    await this.#loop
    if (this.#error) throw this.#error
  }

  /** Kills it now, at no point, and it is started again for the same one. */
  async killNow(): Promise<void> {
    this.#isMeant = true
    await this.#juanie.stopServer('SIGKILL')
  }

  get next(): string | null {
    return this.#points[this.reached.length] ?? null
  }

  async #supervise(over: Promise<void>): Promise<void> {
    while (!this.#isOver) {
      const how = await Promise.race([this.#juanie.ended, over.then(() => 'over' as const)])
      if (how === 'over') return
      if (this.#isMeant) this.#isMeant = false
      else await this.#died(how)
      await this.#start()
    }
  }

  /** As often as it dies while it starts. */
  async #start(): Promise<void> {
    for (;;) {
      try {
        await this.#juanie.up(this.next === null ? {} : { JUANIE_CRASH_POINT: this.next })
        return
      } catch (error) {
        const how = await Promise.race([
          this.#juanie.ended,
          new Promise<null>((resolve) => setTimeout(resolve, 100, null)),
        ])
        if (how === null) throw error
        await this.#died(how)
      }
    }
  }

  async #died(how: NodeJS.Signals | number | null): Promise<void> {
    const point = this.next
    if (how !== 'SIGKILL' || point === null)
      throw new Error(`the server ended with ${how} and not at ${point}:\n${this.#juanie.output.slice(-3000)}`)
    this.reached.push(point)
    await this.onDeath(point)
  }
}

export const agentPid = (juanie: Juanie): Promise<number> =>
  until('an agent', async () => (await findHolder(openHome(juanie.environment.JUANIE_HOME!), 'agent'))?.pid)

/** A process of the installation, told from a later one with the same id. */
function watchProcess(pid: number): { isRunning: () => boolean } {
  const identity = identify(pid)
  return { isRunning: () => identity !== null && isRunning(identity) }
}

const startedAgain = 'The agent had ended and was started again.'

/** Starts server and agent anew, the agent so that it dies at a point; edge and instances stay as they are. */
export async function armAgent(juanie: Juanie, point: string): Promise<{ isDead: () => boolean }> {
  await juanie.stopServer('SIGKILL')
  const before = await agentPid(juanie)
  const old = watchProcess(before)
  process.kill(before, 'SIGKILL')
  await until('the agent to end', () => !old.isRunning())
  const from = juanie.output.length
  await juanie.up({ JUANIE_CRASH_POINT: point })
  return { isDead: () => juanie.output.includes(startedAgain, from) }
}
