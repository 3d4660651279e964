import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { AppError } from '../errors.ts'
import { gitEnvironment } from './environment.ts'

export interface GitObject {
  id: string
  type: string
  size: number
  /** Null when it is larger than was asked for. */
  body: Buffer | null
}

interface Waiting {
  maxBytes: number
  resolve: (object: GitObject | null) => void
  reject: (error: unknown) => void
}

const answerLimitMs = 10_000

/**
 * One living `git cat-file --batch` of a repository. Requests are written at once and answered in their order, so
 * several of them cost one exchange.
 */
export class ObjectReader {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #waiting: Waiting[] = []
  #buffer: Buffer = Buffer.alloc(0)
  /** The object whose content is arriving; `skip` counts what is not kept. */
  #current: { id: string; type: string; size: number; skip: number } | null = null
  #timer: NodeJS.Timeout | null = null
  #isOver = false

  constructor(folder: string) {
    this.#child = spawn('git', ['-C', folder, 'cat-file', '--batch'], {
      env: gitEnvironment(),
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#child.once('error', (error) => this.#end(error))
    this.#child.once('close', () => this.#end(new Error('it ended')))
    this.#child.stdin.on('error', () => {})
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0
  }

  /** `name` is anything that git can resolve, on one line; null when there is no such object. */
  read(name: string, maxBytes: number): Promise<GitObject | null> {
    if (/[\n\0]/.test(name)) return Promise.resolve(null)
    if (this.#isOver) return Promise.reject(gone(new Error('it ended')))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ maxBytes, resolve, reject })
      this.#watch()
      this.#child.stdin.write(`${name}\n`)
    })
  }

  close(): void {
    this.#child.stdin.end()
    this.#child.kill('SIGTERM')
  }

  #watch(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = this.#waiting.length === 0 ? null : setTimeout(() => this.#child.kill('SIGKILL'), answerLimitMs)
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    while (this.#next()) this.#watch()
  }

  /** Consumes one answer; false when more bytes are needed. https://git-scm.com/docs/git-cat-file#_batch_output */
  #next(): boolean {
    if (!this.#current) {
      const end = this.#buffer.indexOf(10)
      if (end < 0) return false
      const [id = '', type = '', size] = this.#buffer.subarray(0, end).toString('utf8').split(' ').slice(-3)
      const isObject = /^[0-9a-f]{40,64}$/.test(id) && /^\d+$/.test(size ?? '')
      this.#buffer = this.#buffer.subarray(end + 1)
      if (!isObject) {
        this.#waiting.shift()?.resolve(null)
        return true
      }
      this.#current = { id, type, size: Number(size), skip: 0 }
      if (this.#current.size > (this.#waiting[0]?.maxBytes ?? 0)) this.#current.skip = this.#current.size + 1
    }
    const { id, type, size, skip } = this.#current
    if (skip > 0) {
      const dropped = Math.min(skip, this.#buffer.length)
      this.#buffer = this.#buffer.subarray(dropped)
      this.#current.skip -= dropped
      if (this.#current.skip > 0) return false
      this.#current = null
      this.#waiting.shift()?.resolve({ id, type, size, body: null })
      return true
    }
    if (this.#buffer.length < size + 1) return false
    const body = Buffer.from(this.#buffer.subarray(0, size))
    this.#buffer = this.#buffer.subarray(size + 1)
    this.#current = null
    this.#waiting.shift()?.resolve({ id, type, size, body })
    return true
  }

  #end(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#timer) clearTimeout(this.#timer)
    for (const { reject } of this.#waiting.splice(0)) reject(gone(error))
  }
}

const gone = (cause: Error) =>
  new AppError('unavailable', 'git.failed', { message: `git cat-file failed: ${cause.message}`, cause })

const maxReaders = 16
const idleMs = 30_000

/** Readers of the repositories that were asked for lately. */
export class ObjectReaders {
  readonly #readers = new Map<string, { reader: ObjectReader; timer: NodeJS.Timeout }>()

  of(folder: string): ObjectReader {
    const known = this.#readers.get(folder)
    if (known && !known.reader.isOver) {
      known.timer.refresh()
      // The one used last goes last.
      this.#readers.delete(folder)
      this.#readers.set(folder, known)
      return known.reader
    }
    if (known) this.#drop(folder)
    if (this.#readers.size >= maxReaders) {
      for (const [oldest, { reader }] of this.#readers) {
        if (!reader.isIdle) continue
        this.#drop(oldest)
        break
      }
    }
    const reader = new ObjectReader(folder)
    const timer = setTimeout(() => this.#drop(folder), idleMs)
    timer.unref()
    this.#readers.set(folder, { reader, timer })
    return reader
  }

  drop(folder: string): void {
    this.#drop(folder)
  }

  close(): void {
    for (const folder of [...this.#readers.keys()]) this.#drop(folder)
  }

  #drop(folder: string): void {
    const known = this.#readers.get(folder)
    if (!known) return
    clearTimeout(known.timer)
    this.#readers.delete(folder)
    known.reader.close()
  }
}
