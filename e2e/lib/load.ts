import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { visit } from './visitor.ts'

interface At {
  port: number
  hostname: string
}

export interface Tally {
  /** What was asked for and answered as it must. */
  done: number
  failures: string[]
}

const failure = (what: string, error: unknown) =>
  `${new Date().toISOString()} ${what}: ${error instanceof Error ? error.message : error}`

/** Does something again and again, in so many loops at once, until it is told to stop. */
export class Repeated {
  readonly tally: Tally = { done: 0, failures: [] }
  readonly #loops: Promise<void>[]
  #isStopped = false

  constructor(loops: number, what: string, once: (loop: number) => Promise<void>) {
    this.#loops = Array.from({ length: loops }, async (_, loop) => {
      while (!this.#isStopped) {
        try {
          await once(loop)
          this.tally.done++
        } catch (error) {
          this.tally.failures.push(failure(what, error))
        }
      }
    })
  }

  async stop(): Promise<Tally> {
    this.#isStopped = true
    await Promise.all(this.#loops)
    return this.tally
  }
}

/** Short requests over kept connections, each answered by one of the versions that may serve. */
export function requests(at: At, connections: number, mayAnswer: () => string[]): Repeated & { bodies: Set<string> } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  const bodies = new Set<string>()
  const repeated = new Repeated(connections, 'GET /', async () => {
    const { status, body } = await visit(at.port, at.hostname, { agent })
    if (status !== 200 || !mayAnswer().includes(body)) throw new Error(`${status} ${body.slice(0, 200)}`)
    bodies.add(body)
  })
  return Object.assign(repeated, { bodies })
}

/** Answers that take five seconds. */
export const slowAnswers = (at: At, loops: number): Repeated =>
  new Repeated(loops, 'GET /slow', async () => {
    const { status, body } = await visit(at.port, at.hostname, { path: '/slow' })
    if (status !== 200) throw new Error(`${status} ${body.slice(0, 200)}`)
  })

/** Uploads whose hash the application must give back. */
export function uploads(at: At, loops: number, bytes: number): Repeated {
  const body = randomBytes(bytes)
  const hash = createHash('sha256').update(body).digest('hex')
  const agent = new http.Agent({ keepAlive: true })
  return new Repeated(loops, 'POST /upload', async () => {
    const answer = await visit(at.port, at.hostname, { path: '/upload', method: 'POST', body, agent })
    if (answer.status !== 200 || answer.body !== hash) throw new Error(`${answer.status} ${answer.body.slice(0, 200)}`)
  })
}

/** A stream of server-sent events of some seconds: numbered without a gap, to the application's own last word. */
export const streams = (at: At): Repeated =>
  new Repeated(1, 'GET /events', async () => {
    const { status, body } = await visit(at.port, at.hostname, { path: '/events' })
    if (status !== 200) throw new Error(`status ${status}`)
    const frames = body.trim().split('\n\n')
    const end = frames.pop()
    if (frames.some((frame, index) => frame !== `data: ${index + 1}`)) throw new Error('events are missing')
    if (end !== `event: end\ndata: ${frames.length}`) throw new Error(`it was cut off after ${frames.length} events`)
  })

const words = 100

/** A conversation of some seconds over a WebSocket, closed in good order. */
export const conversations = (at: At): Repeated =>
  new Repeated(1, 'the WebSocket', async () => {
    const socket = net.connect(at.port, '127.0.0.1')
    await once(socket, 'connect')
    const key = randomBytes(16).toString('base64')
    socket.write(
      `GET /socket HTTP/1.1\r\nHost: ${at.hostname}:${at.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
    const frames = new Frames(socket)
    try {
      const head = await frames.head()
      if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(head.split('\r\n')[0])
      for (let turn = 1; turn <= words; turn++) {
        socket.write(masked(0x81, `word ${turn}`))
        const said = await frames.next()
        if (said !== `word ${turn}`) throw new Error(`it said ${said} and not word ${turn}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      socket.write(masked(0x88, ''))
      if ((await frames.next()) !== null) throw new Error('it did not close')
    } finally {
      socket.destroy()
    }
  })

function masked(kind: number, text: string): Buffer {
  const mask = randomBytes(4)
  const payload = Buffer.from(text).map((byte, index) => byte ^ mask[index % 4]!)
  return Buffer.concat([Buffer.from([kind, 0x80 | payload.length]), mask, payload])
}

class Frames {
  readonly #chunks: AsyncIterator<Buffer>
  #left = Buffer.alloc(0)

  constructor(socket: net.Socket) {
    this.#chunks = socket[Symbol.asyncIterator]()
  }

  async head(): Promise<string> {
    for (;;) {
      const end = this.#left.indexOf('\r\n\r\n')
      if (end >= 0) {
        const text = this.#left.subarray(0, end).toString()
        this.#left = this.#left.subarray(end + 4)
        return text
      }
      await this.#more()
    }
  }

  /** Null: the other side says that it is over. */
  async next(): Promise<string | null> {
    while (this.#left.length < 2 || this.#left.length < 2 + (this.#left[1]! & 127)) await this.#more()
    const length = this.#left[1]! & 127
    const code = this.#left[0]! & 15
    const text = this.#left.subarray(2, 2 + length).toString()
    this.#left = this.#left.subarray(2 + length)
    return code === 8 ? null : text
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next()
    if (done) throw new Error('it was cut off')
    this.#left = Buffer.concat([this.#left, value])
  }
}
