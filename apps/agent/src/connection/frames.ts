import type { Frame } from '@juanie/services/hosts/contract'

/** Desired state with many instances is the largest frame. */
const frameLimitBytes = 64 * 1024 * 1024

/** What came down is not what the contract says. */
class FrameError extends Error {
  override readonly name = 'FrameError'
}

/**
 * Takes NDJSON apart: one frame a line. Frames of a type that this agent does not know are left out, because a newer
 * server may say more; a line that is no JSON, or longer than the limit, throws `FrameError`.
 */
export class FrameReader {
  readonly #limit: number
  readonly #take: (frame: Frame) => void
  #pieces: Buffer[] = []
  #size = 0

  constructor(take: (frame: Frame) => void, limitBytes = frameLimitBytes) {
    this.#take = take
    this.#limit = limitBytes
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let newline = chunk.indexOf(10); newline >= 0; newline = chunk.indexOf(10, from)) {
      this.#hold(chunk.subarray(from, newline))
      from = newline + 1
      const line = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces)
      this.#pieces = []
      this.#size = 0
      this.#line(line)
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from))
  }

  #hold(piece: Buffer): void {
    this.#size += piece.length
    if (this.#size > this.#limit) throw new FrameError(`The server sent a frame of more than ${this.#limit} bytes.`)
    this.#pieces.push(piece)
  }

  #line(line: Buffer): void {
    if (line.length === 0) return
    let frame: unknown
    try {
      frame = JSON.parse(line.toString('utf8'))
    } catch (cause) {
      throw new FrameError('The server sent a line that is not JSON.', { cause })
    }
    if (isKnown(frame)) this.#take(frame)
  }
}

const known = new Set(['hello', 'lease', 'cancel', 'desired', 'ping'])

const isKnown = (value: unknown): value is Frame =>
  typeof value === 'object' && value !== null && 'type' in value && known.has(String(value.type))
