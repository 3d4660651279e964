import type { Socket } from 'node:net'
import type { RoutedHost } from './routing.ts'
import type { Upstream, Work } from './upstream.ts'

interface End {
  socket: Socket
  /** What was read beyond the head. */
  head: Buffer
}

/** A dead peer of an idle WebSocket is found by TCP itself. */
const keepAliveMs = 30_000
const closingMs = 1_000

/** An upgraded connection: bytes both ways until one side ends it. */
export class Tunnel implements Work {
  readonly #client: End
  readonly #instance: End
  readonly #upstream: Upstream
  readonly #host: RoutedHost

  constructor(parts: { client: End; instance: End; upstream: Upstream; host: RoutedHost }) {
    this.#client = parts.client
    this.#instance = parts.instance
    this.#upstream = parts.upstream
    this.#host = parts.host
  }

  open(statusLine: string, headers: string[]): void {
    const client = this.#client.socket
    const instance = this.#instance.socket
    if (client.destroyed || instance.destroyed) return void this.#cut()
    this.#upstream.tunnels.add(this)
    let open = 2
    for (const socket of [client, instance]) {
      socket.setTimeout(0)
      socket.setKeepAlive(true, keepAliveMs)
      socket.on('error', () => this.#cut())
      socket.once('close', () => {
        open--
        if (open > 0) return void this.#otherOf(socket).destroySoon()
        this.#upstream.tunnels.delete(this)
        this.#upstream.ended()
      })
    }
    let head = `${statusLine}\r\n`
    for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`
    client.write(`${head}\r\n`, 'latin1')
    if (this.#instance.head.length > 0) client.write(this.#instance.head)
    if (this.#client.head.length > 0) instance.write(this.#client.head)
    client.on('data', (chunk: Buffer) => {
      this.#host.bytesIn += chunk.length
    })
    instance.on('data', (chunk: Buffer) => {
      this.#host.bytesOut += chunk.length
    })
    client.pipe(instance)
    instance.pipe(client)
  }

  end(): void {
    this.#client.socket.end()
    this.#instance.socket.end()
    setTimeout(() => this.#cut(), closingMs).unref()
  }

  #otherOf(socket: Socket): Socket {
    return socket === this.#client.socket ? this.#instance.socket : this.#client.socket
  }

  #cut(): void {
    this.#client.socket.destroy()
    this.#instance.socket.destroy()
  }
}
