/**
 * The framing of git's protocol: four hex digits of length (their own included), then the content; `0000` ends a
 * part. https://git-scm.com/docs/protocol-common
 */
export const flush = Buffer.from('0000')

export function pktLine(content: string | Buffer): Buffer {
  const body = typeof content === 'string' ? Buffer.from(content) : content
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body])
}

export type Packet = { kind: 'flush' | 'other' } | { kind: 'data'; content: Buffer }

export class ProtocolError extends Error {}

/** Cuts a stream into packets, whatever its chunks are. */
export class PacketReader {
  #buffer: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
  }

  /** Bytes that are not yet part of a packet. */
  get rest(): Buffer {
    return this.#buffer
  }

  /** Null when more bytes are needed. */
  next(): Packet | null {
    if (this.#buffer.length < 4) return null
    const head = this.#buffer.toString('latin1', 0, 4)
    if (!/^[0-9a-f]{4}$/i.test(head)) throw new ProtocolError('This is not git speaking: a packet has no length.')
    const length = Number.parseInt(head, 16)
    if (length < 4) {
      this.#buffer = this.#buffer.subarray(4)
      return { kind: length === 0 ? 'flush' : 'other' }
    }
    if (this.#buffer.length < length) return null
    const content = this.#buffer.subarray(4, length)
    this.#buffer = this.#buffer.subarray(length)
    return { kind: 'data', content }
  }
}
