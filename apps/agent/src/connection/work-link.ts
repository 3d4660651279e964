import type http from 'node:http'
import { messageOf } from '@juanie/core/errors'
import { contractVersion, type Frame, introduction } from '@juanie/services/hosts/contract'
import { BackOff } from './back-off.ts'
import { FrameReader } from './frames.ts'
import type { Server } from './server.ts'

export interface Introduction {
  build: string
  incarnation: string
  slots: number
  isolation: string
  labels: string[]
  holding: { jobId: string; fence: number }[]
}

export interface WorkLinkParts {
  server: Server
  introduce(): Introduction
  onFrame(frame: Frame): void
  /** The link stands; whatever was not acknowledged goes again. */
  onUp(): void
  onDown(reason: string): void
  /** No byte for so long, pings included, means that the link is dead. */
  silenceMs?: number
}

/** The one long response of `GET /api/agent/work`, opened again whenever it ends. */
export class WorkLink {
  readonly #parts: WorkLinkParts
  readonly #backOff = new BackOff()
  #response: http.IncomingMessage | null = null
  #retry: NodeJS.Timeout | null = null
  #isClosed = false
  #isUp = false

  constructor(parts: WorkLinkParts) {
    this.#parts = parts
  }

  get isUp(): boolean {
    return this.#isUp
  }

  open(): void {
    void this.#attempt()
  }

  close(): void {
    this.#isClosed = true
    if (this.#retry) clearTimeout(this.#retry)
    this.#response?.destroy()
  }

  async #attempt(): Promise<void> {
    let reason: string
    try {
      reason = await this.#follow()
    } catch (error) {
      reason = messageOf(error)
    }
    this.#response = null
    if (this.#isClosed) return
    this.#isUp = false
    this.#parts.onDown(reason)
    this.#retry = setTimeout(() => void this.#attempt(), this.#backOff.nextMs())
  }

  /** Resolves with why the link ended. */
  async #follow(): Promise<string> {
    const { server, introduce, silenceMs = 20_000 } = this.#parts
    server.address.refresh()
    const response = await server.open({
      method: 'GET',
      path: '/api/agent/work',
      headers: headersOf(introduce()),
      timeoutMs: 10_000,
    })
    this.#response = response
    if (this.#isClosed) response.destroy()
    return new Promise((resolve) => {
      let why = 'The server ended the link.'
      const end = (reason: string) => {
        why = reason
        response.destroy()
      }
      let lastByte = performance.now()
      const watch = setInterval(() => {
        if (performance.now() - lastByte > silenceMs) end(`The server was silent for ${silenceMs} ms.`)
      }, silenceMs / 4)
      const reader = new FrameReader((frame) => {
        if (frame.type === 'hello') {
          this.#isUp = true
          this.#backOff.reset()
        }
        this.#parts.onFrame(frame)
        if (frame.type === 'hello') this.#parts.onUp()
      })
      response.on('data', (chunk: Buffer) => {
        lastByte = performance.now()
        try {
          reader.push(chunk)
        } catch (error) {
          end(messageOf(error))
        }
      })
      response.once('close', () => {
        clearInterval(watch)
        resolve(why)
      })
    })
  }
}

const headersOf = (own: Introduction): Record<string, string> => ({
  [introduction.version]: String(contractVersion),
  [introduction.build]: own.build,
  [introduction.incarnation]: own.incarnation,
  [introduction.slots]: String(own.slots),
  [introduction.holding]: JSON.stringify(own.holding),
  [introduction.isolation]: own.isolation,
  [introduction.labels]: JSON.stringify(own.labels).replace(/[^\x20-\x7e]/g, '?'),
})
