import { execFile } from 'node:child_process'
import {
  closeSync,
  type FSWatcher,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
} from 'node:fs'
import { join } from 'node:path'
import { Masker } from '@juanie/workflow'
import type { LogPiece, LogSource } from '../connection/log-sender.ts'
import { KeptFile, readJson } from './files.ts'
import { outputFile } from './managed-process.ts'

/** Where the next line begins that the server has not stored. */
interface Position {
  /** Of the output file. */
  attempt: number
  offset: number
  /** Number of that line. */
  seq: number
  /** Bytes that were given up before it; a marker line stands for them. */
  dropped: number
}

interface Taken {
  piece: LogPiece
  /** Where each line ends, so that a part of a piece can be acknowledged. */
  next: { attempt: number; offsets: number[] }
  /** The first line is a marker and takes no bytes of the file. */
  hasMarker: boolean
}

export interface InstanceLogParts {
  /** The instance's or task's folder. */
  folder: string
  instanceId: string
  secrets: string[]
  wake(source: InstanceLog): void
  /** Nothing more will come: the process is over and everything is stored, or nobody wants it. */
  onSettled?: () => void
  capBytes?: number
}

/** A longer line is cut into several. */
const lineBytes = 64 * 1024
const readBytes = 256 * 1024
/** Output that waits for the server: beyond this the oldest is given up. */
const defaultCap = 256 * 1024 * 1024
/** Freed in steps, since each costs a process. */
const punchBytes = 1024 * 1024
/** Where holes are impossible, a file that was sent to its end is emptied when it is larger than this. */
const truncateBytes = 64 * 1024 * 1024

/**
 * The lines that an instance prints, taken from the files that it appends to. Only complete lines are numbered while
 * it runs, and what is numbered follows from the bytes alone, so that an agent that begins again at the stored
 * position makes the same lines.
 */
export class InstanceLog implements LogSource {
  readonly stream: { kind: 'instance'; instanceId: string }
  readonly #parts: InstanceLogParts
  readonly #masker: Masker
  readonly #file: KeptFile
  #stored: Position
  #taken: Taken | null = null
  #isUnwanted = false
  #endedAttempt = 0
  #watcher: FSWatcher | null = null
  #canPunch = true
  #punched = { attempt: 0, offset: 0 }
  #isPunching = false

  constructor(parts: InstanceLogParts) {
    this.#parts = parts
    this.stream = { kind: 'instance', instanceId: parts.instanceId }
    this.#masker = new Masker(parts.secrets)
    const position = join(parts.folder, 'log.json')
    this.#file = new KeptFile(position)
    this.#stored = readJson<Position>(position) ?? { attempt: 1, offset: 0, seq: 1, dropped: 0 }
    this.#punched.attempt = this.#stored.attempt
    try {
      this.#watcher = watch(parts.folder, { persistent: false }, (_event, name) => {
        if (name?.startsWith('output.')) this.#parts.wake(this)
      })
      this.#watcher.on('error', () => {})
    } catch {
      // Without notice from the kernel, `poke` finds what was printed.
    }
  }

  /** Everything that will ever be printed is stored, or nobody wants it. */
  get isSettled(): boolean {
    return this.#isUnwanted || (this.#endedAttempt >= this.#stored.attempt && this.#left() === 0)
  }

  /** The attempt's process is over: its last line needs no newline any more. */
  ended(attempt: number): void {
    this.#endedAttempt = Math.max(this.#endedAttempt, attempt)
    this.#parts.wake(this)
    if (this.isSettled) this.#parts.onSettled?.()
  }

  /** There may be something new. */
  poke(): void {
    if (this.#left() > 0) this.#parts.wake(this)
    this.#limit()
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
  }

  take(maxBytes: number): LogPiece | null {
    if (this.#isUnwanted || this.#taken) return null
    this.#nextFile()
    const { attempt, offset, seq, dropped } = this.#stored
    const bytes = this.#read(attempt, offset, Math.min(readBytes, maxBytes))
    const cut = split(bytes, this.#endedAttempt >= attempt && this.#isLast(attempt, offset + bytes.length))
    const lines = cut.lines.length > 0 ? this.#masked(bytes.subarray(0, cut.lines.at(-1)!.end), cut.lines) : []
    const hasMarker = dropped > 0
    if (hasMarker) lines.unshift(`[juanie: ${dropped} bytes of output are not stored, because the server was away]`)
    if (lines.length === 0) return null
    const now = Date.now()
    const body = lines.map((text) => JSON.stringify([now, text])).join(',')
    this.#taken = {
      piece: { firstSeq: seq, count: lines.length, body, bytes: Buffer.byteLength(body) },
      next: { attempt, offsets: cut.lines.map(({ next }) => offset + next) },
      hasMarker,
    }
    return this.#taken.piece
  }

  acknowledged(seq: number | null): void {
    const taken = this.#taken
    this.#taken = null
    if (seq === null) {
      this.#isUnwanted = true
      this.#parts.onSettled?.()
      return
    }
    if (!taken) return
    const count = Math.min(taken.piece.count, seq - taken.piece.firstSeq + 1)
    if (count <= 0) return
    const lines = count - (taken.hasMarker ? 1 : 0)
    this.#stored = {
      attempt: taken.next.attempt,
      offset: taken.next.offsets[lines - 1] ?? this.#stored.offset,
      seq: taken.piece.firstSeq + count,
      dropped: 0,
    }
    this.#save()
    this.#free()
    if (this.#left() > 0) this.#parts.wake(this)
    else if (this.isSettled) this.#parts.onSettled?.()
  }

  rewind(): void {
    this.#taken = null
  }

  #save(): void {
    this.#file.write(JSON.stringify(this.#stored))
  }

  #size(attempt: number): number {
    return statSync(outputFile(this.#parts.folder, attempt), { throwIfNoEntry: false })?.size ?? 0
  }

  #left(): number {
    const { attempt, offset } = this.#stored
    const own = Math.max(0, this.#size(attempt) - offset)
    return own > 0 ? own : this.#attempts().some((one) => one > attempt && this.#size(one) > 0) ? 1 : 0
  }

  #attempts(): number[] {
    let names: string[] = []
    try {
      names = readdirSync(this.#parts.folder)
    } catch {
      // The instance is gone with its folder.
    }
    return names
      .flatMap((name) => /^output\.(\d+)\.log$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
  }

  #isLast(attempt: number, offset: number): boolean {
    return offset >= this.#size(attempt)
  }

  /** A file that was sent to its end and whose process is over makes room for the next one. */
  #nextFile(): void {
    for (;;) {
      const { attempt, offset, seq, dropped } = this.#stored
      if (attempt > this.#endedAttempt || offset < this.#size(attempt)) return
      const next = this.#attempts().find((one) => one > attempt)
      if (next === undefined) return
      this.#stored = { attempt: next, offset: 0, seq, dropped }
      this.#save()
      rmSync(outputFile(this.#parts.folder, attempt), { force: true })
      this.#punched = { attempt: next, offset: 0 }
    }
  }

  #read(attempt: number, offset: number, most: number): Buffer {
    let descriptor: number
    try {
      descriptor = openSync(outputFile(this.#parts.folder, attempt), 'r')
    } catch {
      return Buffer.alloc(0)
    }
    try {
      const size = Math.max(0, Math.min(fstatSync(descriptor).size - offset, Math.max(most, lineBytes + 1)))
      const buffer = Buffer.allocUnsafe(size)
      let done = 0
      while (done < size) {
        const count = readSync(descriptor, buffer, done, size - done, offset + done)
        if (count === 0) break
        done += count
      }
      return buffer.subarray(0, done)
    } finally {
      closeSync(descriptor)
    }
  }

  /** The number of lines never depends on what is masked. */
  #masked(bytes: Buffer, lines: Line[]): string[] {
    const plain = lines.map(({ start, end }) => textOf(bytes.subarray(start, end)))
    const whole = plain.join('\n')
    const masked = this.#masker.mask(whole)
    if (masked === whole) return plain
    const apart = masked.split('\n')
    return apart.length === plain.length ? apart : plain.map((line) => this.#masker.mask(line).replaceAll('\n', ' '))
  }

  /** Frees what is stored underneath the living writer. */
  #free(): void {
    const { attempt, offset } = this.#stored
    const until = offset - (offset % 4096)
    if (this.#punched.attempt !== attempt) this.#punched = { attempt, offset: 0 }
    const from = this.#punched.offset
    if (until - from < punchBytes || this.#isPunching) return
    const file = outputFile(this.#parts.folder, attempt)
    if (!this.#canPunch) {
      this.#truncate(file)
      return
    }
    this.#isPunching = true
    const args = ['--punch-hole', '--offset', String(from), '--length', String(until - from), file]
    execFile('fallocate', args, { timeout: 10_000, env: { PATH: process.env.PATH ?? '/usr/bin:/bin' } }, (error) => {
      this.#isPunching = false
      if (error) this.#canPunch = false
      else this.#punched.offset = until
    })
  }

  /** What is printed between the look and the cut is lost, which is why it happens rarely. */
  #truncate(file: string): void {
    const size = this.#size(this.#stored.attempt)
    if (size < truncateBytes || this.#stored.offset < size) return
    truncateSync(file, 0)
    this.#stored = { ...this.#stored, offset: 0 }
    this.#save()
    this.#punched.offset = 0
  }

  /** While the server is away the disk must not fill: the oldest output goes, and a marker line says so. */
  #limit(): void {
    const cap = this.#parts.capBytes ?? defaultCap
    const { attempt, offset, seq, dropped } = this.#stored
    const size = this.#size(attempt)
    if (this.#taken || size - offset <= cap) return
    const target = size - Math.floor(cap / 2)
    const newline = this.#read(attempt, target, lineBytes).indexOf(10)
    const to = newline < 0 ? target : target + newline + 1
    this.#stored = { attempt, offset: to, seq, dropped: dropped + to - offset }
    this.#save()
    this.#free()
  }
}

interface Line {
  start: number
  end: number
  /** Where the next one begins. */
  next: number
}

/** Complete lines; an overlong one is cut where it is too long, counted from its own beginning. */
function split(bytes: Buffer, isFinal: boolean): { lines: Line[] } {
  const lines: Line[] = []
  let start = 0
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start)
    const end = newline < 0 ? bytes.length : newline
    if (end - start > lineBytes) {
      const cut = start + characterEnd(bytes, start, lineBytes)
      lines.push({ start, end: cut, next: cut })
      start = cut
    } else if (newline >= 0) {
      lines.push({ start, end, next: newline + 1 })
      start = newline + 1
    } else if (isFinal) {
      lines.push({ start, end, next: end })
      start = end
    } else break
    if (lines.length >= 10_000) break
  }
  return { lines }
}

/** The length of at most `most` bytes that does not cut a UTF-8 character. */
function characterEnd(bytes: Buffer, start: number, most: number): number {
  let length = most
  while (length > most - 4 && ((bytes[start + length] ?? 0) & 0xc0) === 0x80) length--
  return length
}

/** PostgreSQL holds no NUL in text. */
const textOf = (bytes: Buffer): string => {
  const text = bytes.toString('utf8').replaceAll('\0', '\ufffd')
  return text.endsWith('\r') ? text.slice(0, -1) : text
}
