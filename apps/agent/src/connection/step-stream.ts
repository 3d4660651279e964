import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import type { StepStream as StepStreamId } from '../jobs/upstream.ts'
import type { LogPiece, LogSource } from './log-sender.ts'

/** Lines that wait in memory, of all streams together; beyond that they wait on disk. */
export interface LogMemory {
  left: number
}

interface Chunk {
  firstSeq: number
  count: number
  bytes: number
  /** Null: it lies in the spool. */
  body: string | null
  offset: number
}

/** Small writes are joined up to this size. */
const joinBytes = 64 * 1024
const mostLines = 20_000

/**
 * The lines of one step until the server has them. What does not fit into memory while the server is away waits in a
 * file, so that no step has to wait.
 */
export class StepStream implements LogSource {
  readonly stream: StepStreamId
  /** Called when the server has every line so far, or wants none. */
  onSettled: () => void = () => {}
  readonly #memory: LogMemory
  readonly #spoolFile: string
  #spool: { descriptor: number; bytes: number } | null = null
  #chunks: Chunk[] = []
  /** Index of the first chunk that was not taken. */
  #next = 0
  #lastSeq = 0
  #stored = 0
  #isUnwanted = false

  constructor(stream: StepStreamId, options: { memory: LogMemory; spoolFile: string }) {
    this.stream = stream
    this.#memory = options.memory
    this.#spoolFile = options.spoolFile
  }

  /** The server has every line so far, or wants none. */
  get isSettled(): boolean {
    return this.#isUnwanted || this.#stored >= this.#lastSeq
  }

  append(lines: [number, string][]): void {
    if (this.#isUnwanted) return
    let from = 0
    while (from < lines.length) {
      const part = lines.slice(from, from + 2_000)
      from += part.length
      const body = part.map((line) => JSON.stringify(line)).join(',')
      this.#add({ firstSeq: this.#lastSeq + 1, count: part.length, bytes: Buffer.byteLength(body), body, offset: 0 })
      this.#lastSeq += part.length
    }
  }

  take(maxBytes: number): LogPiece | null {
    const first = this.#chunks[this.#next]
    if (!first || this.#isUnwanted) return null
    const bodies: string[] = []
    let bytes = 0
    let count = 0
    for (let chunk = this.#chunks[this.#next]; chunk; chunk = this.#chunks[this.#next]) {
      const isFull = bytes + chunk.bytes > maxBytes || count + chunk.count > mostLines
      if (bodies.length > 0 && isFull) break
      bodies.push(chunk.body ?? this.#read(chunk))
      bytes += chunk.bytes + 1
      count += chunk.count
      this.#next++
    }
    return { firstSeq: first.firstSeq, count, body: bodies.join(','), bytes }
  }

  acknowledged(seq: number | null): void {
    if (seq === null) {
      this.#isUnwanted = true
      this.close()
      this.onSettled()
      return
    }
    this.#stored = Math.max(this.#stored, seq)
    let done = 0
    for (const chunk of this.#chunks) {
      if (chunk.firstSeq + chunk.count - 1 > this.#stored) break
      if (chunk.body !== null) this.#memory.left += chunk.bytes
      done++
    }
    this.#chunks.splice(0, done)
    // What was taken and not stored goes again.
    this.#next = 0
    if (this.#chunks.length === 0) this.#dropSpool()
    if (this.isSettled) this.onSettled()
  }

  rewind(): void {
    this.#next = 0
  }

  close(): void {
    for (const chunk of this.#chunks) if (chunk.body !== null) this.#memory.left += chunk.bytes
    this.#chunks = []
    this.#next = 0
    this.#dropSpool()
  }

  #add(chunk: Chunk): void {
    const last = this.#chunks.at(-1)
    const isWaiting = this.#chunks.length > this.#next
    if (last?.body && isWaiting && last.bytes + chunk.bytes < joinBytes && last.count + chunk.count < mostLines) {
      last.body = `${last.body},${chunk.body}`
      last.bytes += chunk.bytes + 1
      last.count += chunk.count
      this.#memory.left -= chunk.bytes + 1
      return
    }
    if (this.#memory.left < chunk.bytes && this.#write(chunk)) chunk.body = null
    else this.#memory.left -= chunk.bytes
    this.#chunks.push(chunk)
  }

  /** False where the disk takes no more: memory it is, then. */
  #write(chunk: Chunk): boolean {
    try {
      this.#spool ??= { descriptor: openSync(this.#spoolFile, 'w+', 0o600), bytes: 0 }
      const data = Buffer.from(chunk.body ?? '')
      for (let done = 0; done < data.length; ) {
        done += writeSync(this.#spool.descriptor, data, done, data.length - done, this.#spool.bytes + done)
      }
      chunk.offset = this.#spool.bytes
      this.#spool.bytes += data.length
      return true
    } catch {
      return false
    }
  }

  #read(chunk: Chunk): string {
    const data = Buffer.allocUnsafe(chunk.bytes)
    for (let done = 0; done < data.length; ) {
      const count = readSync(this.#spool!.descriptor, data, done, data.length - done, chunk.offset + done)
      if (count === 0) throw new Error(`The spool of unsent log lines ${this.#spoolFile} was cut short.`)
      done += count
    }
    return data.toString('utf8')
  }

  #dropSpool(): void {
    if (!this.#spool) return
    closeSync(this.#spool.descriptor)
    rmSync(this.#spoolFile, { force: true })
    this.#spool = null
  }
}
