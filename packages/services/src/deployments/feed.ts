import type { Desired } from '../hosts/contract.ts'
import type { AgentService, Channel } from '../hosts/index.ts'

interface Parts {
  desiredFor(hostId: string): Promise<Desired>
  /** Open connections of a host's agents to this server. */
  channelsOf(hostId: string): Channel[]
  failed(error: unknown, hostId: string): void
}

const retryMs = 1_000

/** Tells connected agents what is wanted of their hosts, whenever it changes. */
export class DesiredFeed implements AgentService {
  readonly #parts: Parts
  /** Last revision that each connection was sent. */
  readonly #sent = new WeakMap<Channel, number>()
  readonly #running = new Set<string>()
  readonly #again = new Set<string>()
  readonly #retries = new Map<string, NodeJS.Timeout>()
  #isClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async connected(channel: Channel): Promise<void> {
    const { hostId } = channel.agent
    try {
      this.#send(channel, await this.#parts.desiredFor(hostId))
    } catch (error) {
      // The agent goes on with what it has; secrets that cannot be opened must not keep it from its other work.
      this.#parts.failed(error, hostId)
      this.#retry(hostId)
    }
  }

  /** Something changed for this host. Changes that come while one is being read are told together. */
  changed(hostId: string): void {
    if (this.#isClosed || this.#parts.channelsOf(hostId).length === 0) return
    if (this.#running.has(hostId)) {
      this.#again.add(hostId)
      return
    }
    this.#running.add(hostId)
    void this.#tell(hostId).finally(() => {
      this.#running.delete(hostId)
      if (this.#again.delete(hostId)) this.changed(hostId)
    })
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#retries.values()) clearTimeout(timer)
    this.#retries.clear()
  }

  async #tell(hostId: string): Promise<void> {
    try {
      const desired = await this.#parts.desiredFor(hostId)
      for (const channel of this.#parts.channelsOf(hostId)) this.#send(channel, desired)
    } catch (error) {
      this.#parts.failed(error, hostId)
      this.#retry(hostId)
    }
  }

  #send(channel: Channel, desired: Desired): void {
    if ((this.#sent.get(channel) ?? -1) >= desired.revision) return
    this.#sent.set(channel, desired.revision)
    channel.send({ v: 1, type: 'desired', desired })
  }

  #retry(hostId: string): void {
    if (this.#isClosed || this.#retries.has(hostId)) return
    const timer = setTimeout(() => {
      this.#retries.delete(hostId)
      this.changed(hostId)
    }, retryMs)
    timer.unref()
    this.#retries.set(hostId, timer)
  }
}
