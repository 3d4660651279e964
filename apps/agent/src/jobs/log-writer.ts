import { StringDecoder } from 'node:string_decoder'
import { type CommandEvent, CommandParser, type Masker } from '@juanie/workflow'
import type { FoundProblem, JobMatchers, OutputLine } from './job-matchers.ts'
import { missingTool } from './missing-tools.ts'
import type { JobUpstream, StepStream } from './upstream.ts'

/** A longer line is cut there, and says so. */
const maxLineLength = 128 * 1024

export interface StepLogParts {
  upstream: JobUpstream
  stream: StepStream
  masker: Masker
  /** Bytes that this job may still log, shared by its steps. */
  budget: { left: number; limit: number }
  /** Every command, with the number of the line that shows it. */
  onCommand(command: Exclude<CommandEvent, { kind: 'output' }>, logLine: number): void
  /** Where problem matchers look through the lines, and who hears of what they find. */
  problems?: { matchers: JobMatchers; found(problem: FoundProblem): void }
}

/**
 * Turns what a step prints into numbered lines: masked before anything else sees them, with the workflow commands
 * taken out of them.
 */
export class StepLog {
  readonly #parts: StepLogParts
  readonly #decoder = new StringDecoder('utf8')
  readonly #parser = new CommandParser()
  #partial = ''
  /** Characters of an overlong line that were left out. */
  #dropped = 0
  #lines = 0
  #pending: [number, string][] = []
  #isScheduled = false
  /** Lines that the problem matchers have not seen. */
  #unread: OutputLine[] = []

  constructor(parts: StepLogParts) {
    this.#parts = parts
  }

  get lines(): number {
    return this.#lines
  }

  /** The program that a shell said last is not there. */
  missing: string | null = null

  /** Raw bytes as they were read. */
  write(chunk: Buffer): void {
    const { masker } = this.#parts
    // A mask that is asked for must hold from the next line on, which may be in the same chunk.
    if (!chunk.includes('::') && !chunk.includes('##[')) {
      this.#text(this.#decoder.write(masker.push(chunk)))
      return
    }
    for (let from = 0; from < chunk.length; ) {
      const newline = chunk.indexOf(10, from)
      const to = newline < 0 ? chunk.length : newline + 1
      this.#text(this.#decoder.write(masker.push(chunk.subarray(from, to))))
      from = to
    }
  }

  /** A line of Juanie's own, masked like any other. */
  say(line: string): void {
    this.end()
    for (const each of this.#parts.masker.mask(line).split('\n')) this.#append(each)
  }

  /** The last line may have no newline. */
  end(): void {
    this.#text(this.#decoder.write(this.#parts.masker.flush()) + this.#decoder.end())
    if (this.#partial !== '' || this.#dropped > 0) this.#line(this.#takePartial())
    this.flush()
  }

  flush(): void {
    this.#isScheduled = false
    this.#look()
    if (this.#pending.length === 0) return
    this.#parts.upstream.log(this.#parts.stream, this.#pending)
    this.#pending = []
  }

  #text(text: string): void {
    let from = 0
    for (let newline = text.indexOf('\n'); newline >= 0; newline = text.indexOf('\n', from)) {
      this.#grow(text.slice(from, newline))
      this.#line(this.#takePartial())
      from = newline + 1
    }
    if (from < text.length) this.#grow(text.slice(from))
  }

  #grow(piece: string): void {
    const room = maxLineLength - this.#partial.length
    if (piece.length <= room) this.#partial += piece
    else {
      this.#partial += piece.slice(0, room)
      this.#dropped += piece.length - room
    }
  }

  #takePartial(): string {
    let line = this.#partial.endsWith('\r') ? this.#partial.slice(0, -1) : this.#partial
    if (this.#dropped > 0) line += ` … [juanie: the line is cut here, ${this.#dropped} more characters are not stored]`
    this.#partial = ''
    this.#dropped = 0
    return line
  }

  #line(line: string): void {
    const event = this.#parser.push(line)
    const shown = shownAs(event)
    // They hold for the lines after them, and not for those before.
    if (event.kind === 'add-matcher' || event.kind === 'remove-matcher') this.#look()
    if (event.kind !== 'output') this.#parts.onCommand(event, this.#lines + 1)
    else if (event.text.includes('not found')) this.missing = missingTool(event.text) ?? this.missing
    // What a command says is decoded after the stream was masked, and may be a secret only now.
    const text = shown !== null && event.kind !== 'output' ? this.#parts.masker.mask(shown) : shown
    if (text !== null) for (const each of text.split('\n')) this.#append(each)
    // Juanie's own words and those of commands are no output of a compiler.
    const { matchers } = this.#parts.problems ?? {}
    if (event.kind === 'output' && matchers && !matchers.isIdle) {
      this.#unread.push({ text: event.text, number: this.#lines })
    }
  }

  #look(): void {
    const { matchers, found } = this.#parts.problems ?? {}
    if (this.#unread.length === 0 || !matchers || !found) return
    const lines = this.#unread
    this.#unread = []
    const { problems, warnings } = matchers.turn(lines)
    for (const problem of problems) found(problem)
    for (const warning of warnings) this.#push(`##[warning]${warning}`)
  }

  #append(text: string): void {
    const { budget } = this.#parts
    if (budget.left <= 0) return
    budget.left -= Buffer.byteLength(text) + 1
    // PostgreSQL holds no NUL in text.
    this.#push(text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text)
    if (budget.left <= 0) {
      this.#push(`[juanie: the log of this job reached its limit of ${budget.limit} bytes; the rest is not stored]`)
    }
  }

  #push(text: string): void {
    this.#lines++
    this.#pending.push([Date.now(), text])
    if (this.#pending.length >= 5_000) this.flush()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => this.flush())
    }
  }
}

/** What stands in the log for a line; null: nothing. */
function shownAs(event: CommandEvent): string | null {
  switch (event.kind) {
    case 'output':
      return event.text
    case 'group':
      return `##[group]${event.title}`
    case 'endgroup':
      return '##[endgroup]'
    case 'annotation':
      return `##[${event.level}]${event.message}`
    case 'set-output':
    case 'save-state':
      return `##[warning]${event.warning}`
    case 'ignored':
      return `##[warning]${event.message}`
    case 'refused':
      return `##[error]${event.message}`
    default:
      return null
  }
}
