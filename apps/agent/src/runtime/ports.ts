import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const lowest = 20_000
const highest = 60_999

/**
 * Gives ports to instances. They lie below those that the system gives to outgoing connections, where it says which,
 * so that none of these takes one between the choice and the application's start.
 */
export class Ports {
  readonly #taken = new Set<number>()
  readonly #range: [number, number]

  constructor() {
    const first = ephemeralStart()
    this.#range = [lowest, first !== null && first > lowest + 2_000 ? first - 1 : highest]
  }

  /** An instance has it, from before this process began perhaps. */
  hold(port: number): void {
    this.#taken.add(port)
  }

  release(port: number): void {
    this.#taken.delete(port)
  }

  async pick(): Promise<number> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const port = randomInt(this.#range[0], this.#range[1] + 1)
      if (this.#taken.has(port)) continue
      this.#taken.add(port)
      if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::'))) return port
      this.#taken.delete(port)
    }
    throw new Error('No port of this host is free for another instance.')
  }
}

/** Whether one may listen there now; an address that the machine does not have says nothing against it. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function ephemeralStart(): number | null {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0]) || null
  } catch {
    return null
  }
}
