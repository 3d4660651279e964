import type { Frame } from './contract.ts'
import type { Introduction } from './introduction.ts'

/** One agent's open connection to this very server. */
export interface Channel {
  readonly agent: { id: string; hostId: string; hostName: string; isLocal: boolean }
  readonly introduction: Introduction
  /** It is another process than the one that spoke for this agent before. */
  readonly isNew: boolean
  /** Never waits: what the agent does not read in time ends the connection, and it comes again. */
  send(frame: Frame): void
  close(): void
}

/** What wants to speak to agents. It is told of each new connection after `hello`, before anything else is sent. */
export interface AgentService {
  connected(channel: Channel): Promise<void>
}

/** The agents that are connected to this server. Others may be connected to other servers. */
export class AgentHub {
  readonly #channels = new Map<string, Channel>()
  readonly #services: AgentService[] = []

  /** In the order in which they are told of a connection. */
  serve(service: AgentService): void {
    this.#services.push(service)
  }

  /** Takes a connection in; an older one of the same agent is closed. Returns what to call when it ends. */
  open(channel: Channel): () => void {
    this.#channels.get(channel.agent.id)?.close()
    this.#channels.set(channel.agent.id, channel)
    return () => {
      if (this.#channels.get(channel.agent.id) === channel) this.#channels.delete(channel.agent.id)
    }
  }

  /** Lets every service say what this agent must know. A failure ends the connection: the agent comes again. */
  async welcome(channel: Channel): Promise<void> {
    for (const service of this.#services) await service.connected(channel)
  }

  isOpen(channel: Channel): boolean {
    return this.#channels.get(channel.agent.id) === channel
  }

  get(agentId: string): Channel | null {
    return this.#channels.get(agentId) ?? null
  }

  all(): Channel[] {
    return [...this.#channels.values()]
  }

  ofHost(hostId: string): Channel[] {
    return this.all().filter((channel) => channel.agent.hostId === hostId)
  }

  closeAll(): void {
    for (const channel of this.#channels.values()) channel.close()
    this.#channels.clear()
  }
}
