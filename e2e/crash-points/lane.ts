import { armAgent, DyingServer } from '../lib/crashing.ts'
import { until } from '../lib/juanie.ts'
import { faults, type Told } from '../lib/oracle.ts'
import { Shop } from '../lib/shop.ts'
import { Visitor } from '../lib/visitor.ts'

/** What is played while somebody dies, and to which end it must come nevertheless. */
export interface Story {
  name: string
  /** About in the order in which they are passed. */
  points: string[]
  play(scene: Scene): Promise<void>
  /** More than one death in one play leads elsewhere. */
  isFragile?: boolean
}

export interface Scene {
  shop: Shop
  /** Unique within the lane. */
  turn: number
  /** What was pushed, and what its version answers. */
  told: Told[]
  visitor: Visitor
  /** The server that is dying; null in stories of the agent. */
  server: DyingServer | null
  /** The old version was ended on purpose: what visitors lose from now on is the application's. */
  excuse(): void
}

/** So many deaths in one play: more are quicker, fewer say better which one did it. */
const mostDeaths = 12

const mostTimes = 64

/** One installation in which stories are played one after the other, each ending in a state that the next begins with. */
export class Lane implements AsyncDisposable {
  #shop: Shop | null = null
  #visitor: Visitor | null = null
  #told: Told[] = []
  #turn = 0
  #isDisposed = false

  /** Plays the story until the server has died at every point of it. */
  async killServer(story: Story): Promise<void> {
    let left = story.points
    while (left.length > 0) {
      const shop = await this.#open()
      const points = left.slice(0, story.isFragile ? 1 : mostDeaths)
      const server = new DyingServer(shop.juanie, points)
      try {
        await server.begin()
        await this.#play(story, server)
        // Some points are passed only after what visitors can see is done.
        await this.#judge(story.name)
      } catch (error) {
        throw await this.#explained(story, server, error)
      } finally {
        await server.end()
      }
      if (server.reached.length === 0) throw new Error(`${story.name}: ${points[0]} was not reached`)
      left = left.slice(server.reached.length)
    }
  }

  /** Plays the story once for every point, and the agent dies there. */
  async killAgent(story: Story): Promise<void> {
    for (const point of story.points) await this.#killAgentAt(story, point)
  }

  /** Some points are passed also when nothing happens: it must die in the story, however often it was there before. */
  async #killAgentAt(story: Story, point: string): Promise<void> {
    const shop = await this.#open()
    for (let times = /observed/.test(point) ? 4 : 1; times <= mostTimes; times *= 2) {
      const agent = await armAgent(shop.juanie, `${point}#${times}`)
      if (agent.isDead()) continue
      try {
        await this.#play(story, null)
      } catch (error) {
        throw new Error(`${story.name}, agent killed at ${point}: ${(error as Error).message}`, { cause: error })
      }
      // What ends last may end after the deployment.
      await until(`${story.name} to reach ${point}`, agent.isDead, 15_000)
      return this.#judge(`${story.name}, agent killed at ${point}`)
    }
    throw new Error(`${point} is passed ${mostTimes} times when nothing happens`)
  }

  async #open(): Promise<Shop> {
    if (this.#shop) return this.#shop
    if (this.#isDisposed) throw new Error('the lane is closed')
    const shop = await Shop.open({ JUANIE_ALLOW_PRIVATE_ADDRESSES: '127.0.0.0/8' })
    this.#shop = shop
    const version = { text: 'version 0' }
    const commit = await shop.push(version)
    this.#told.push({ commit, ...version })
    const { status, reason } = await shop.deployed(commit)
    if (status !== 'succeeded') throw new Error(`the first version is ${status}: ${reason}`)
    this.#visitor = new Visitor(shop.juanie.edgePort, new URL(await shop.url()).hostname, {
      connections: 2,
      pauseMs: 10,
    })
    return shop
  }

  #play(story: Story, server: DyingServer | null): Promise<void> {
    const turn = ++this.#turn
    const visitor = this.#visitor!
    return story.play({
      shop: this.#shop!,
      turn,
      told: this.#told,
      visitor,
      server,
      excuse: () => visitor.excuse(),
    })
  }

  async #explained(story: Story, server: DyingServer, error: unknown): Promise<Error> {
    const { output } = this.#shop!.juanie
    const died = server.reached.join(', ') || 'nowhere yet'
    const why = `${story.name}, killed at ${died}, next ${server.next}: ${(error as Error).message}`
    return new Error(`${why}\n${output.slice(-2000)}`, { cause: error })
  }

  async #judge(what: string): Promise<void> {
    const recent = this.#told.slice(-3)
    const found = await faults(this.#shop!, recent, this.#visitor)
    if (found.length > 0) throw new Error(`${what}:\n  ${found.join('\n  ')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    await this.#visitor?.stop()
    await this.#shop?.[Symbol.asyncDispose]()
  }
}

export const around = (thing: string, ...moves: string[]): string[] =>
  moves.flatMap((move) => [`${thing}.before.${move}`, `${thing}.after.${move}`])

/** Pushes a version, which must lead to a run. */
export async function pushed(
  { shop, told, turn }: Scene,
  version: Omit<Parameters<Shop['push']>[0], 'text'> & { text?: string },
): Promise<Told & { text: string }> {
  const text = version.text ?? `version ${turn}`
  const commit = await shop.push({ ...version, text })
  const one = { commit, text }
  told.push(one)
  return one
}

export function expectStatus(found: { status: string; reason: string | null }, status: string): void {
  if (found.status !== status) throw new Error(`it is ${found.status} (${found.reason}), not ${status}`)
}
