import { Automaton } from './automaton.ts'
import { formsOf } from './secret-forms.ts'

const replacement = Buffer.from('***')
const nothing = Buffer.alloc(0)

/** From `start` up to, not including, `end`, counted from the first byte of `#tail`. */
interface Interval {
  start: number
  end: number
}

/**
 * Replaces secrets in a stream of bytes by `***`, in whatever pieces the stream arrives: the output does not depend on
 * where it was cut. All that any form of any secret covers is replaced, touching and overlapping places by one `***`.
 * Only bytes that may be the beginning of a secret are held back, so at most the longest form less one byte; everything
 * else leaves at once. One masker serves one stream.
 */
export class Masker {
  readonly #secrets = new Set<string>()
  readonly #tooShort = new Set<string>()
  #automaton: Automaton | null = null
  #state = 0
  /** The last bytes of the stream as far as they may be the beginning of a secret. */
  #tail: Buffer = nothing
  /** How many bytes of the tail have left already: what a shorter secret covers need not wait for a longer one. */
  #given = 0
  #found: Interval[] = []
  #endsMasked = false

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret)
  }

  /** Values that are not masked because they have fewer than four characters. */
  get tooShort(): string[] {
    return [...this.#tooShort]
  }

  /** Masks this value in everything that is pushed from now on, and in what is still held. */
  add(secret: string): void {
    if (this.#secrets.has(secret)) return
    this.#secrets.add(secret)
    const forms = formsOf(secret)
    if (forms.length === 0 && secret.trim() !== '') this.#tooShort.add(secret)
    if (forms.length === 0) return
    this.#automaton ??= new Automaton()
    for (const form of forms) this.#automaton.add(form)
  }

  push(chunk: Buffer | string): Buffer {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    const automaton = this.#current()
    if (!automaton) return bytes
    this.#scan(automaton, bytes, this.#tail.length)
    const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes])
    const open = all.length - automaton.depthOf(this.#state)
    const covering = this.#found.find((each) => each.start <= open && each.end > open)
    return this.#release(all, open, covering ? covering.end : open)
  }

  /** The end of the stream: what was held is not the beginning of a secret after all. */
  flush(): Buffer {
    const rest = this.#release(this.#tail, this.#tail.length, this.#tail.length)
    this.#state = 0
    this.#endsMasked = false
    return rest
  }

  /** Masks one text that stands by itself, such as an annotation or an output. Does not touch the stream. */
  mask(text: string): string {
    const automaton = this.#current()
    if (!automaton) return text
    const alone = new Masker()
    alone.#automaton = automaton
    return Buffer.concat([alone.push(text), alone.flush()]).toString()
  }

  #current(): Automaton | null {
    const automaton = this.#automaton
    if (!automaton || automaton.isSealed) return automaton
    automaton.seal()
    // With more patterns, more of the tail may be the beginning of one.
    this.#state = 0
    this.#scan(automaton, this.#tail, 0)
    return automaton
  }

  #scan(automaton: Automaton, bytes: Buffer, offset: number): void {
    this.#state = automaton.scan(this.#state, bytes, (start, end) => this.#cover(start + offset, end + offset))
  }

  #cover(from: number, end: number): void {
    let start = from
    for (let last = this.#found.at(-1); last && last.end >= start; last = this.#found.at(-1)) {
      start = Math.min(start, last.start)
      this.#found.pop()
    }
    this.#found.push({ start, end })
  }

  /** Gives out what has not left yet of `all` up to `end`, and keeps a tail from `open` on. */
  #release(all: Buffer, open: number, end: number): Buffer {
    const parts: Buffer[] = []
    let position = this.#given
    for (const { start, end: until } of this.#found) {
      if (start >= end) break
      if (until <= position) continue
      if (start > position) {
        parts.push(all.subarray(position, start))
        this.#endsMasked = false
      }
      if (!this.#endsMasked) parts.push(replacement)
      this.#endsMasked = true
      position = Math.min(until, end)
    }
    if (position < end) {
      parts.push(all.subarray(position, end))
      this.#endsMasked = false
    }
    this.#found = this.#found
      .filter((each) => each.end > open)
      .map((each) => ({ start: Math.max(0, each.start - open), end: each.end - open }))
    this.#tail = open === all.length ? nothing : Buffer.from(all.subarray(open))
    this.#given = end - open
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }
}
