/** States below this number are the root (0) and one for each first byte; they have complete rows in the table. */
const tabled = 257

/**
 * Finds any of many byte patterns in one pass (Aho and Corasick, 1975). The root and the states one byte deep, where
 * most text stays, have a table of transitions; deeper states have a list of children and a state to fall back to.
 * Patterns may be added at any time; `seal` must follow before the next step.
 */
export class Automaton {
  readonly #table = new Int32Array(tabled * 256)
  #firstChild = new Int32Array(1024)
  #nextSibling = new Int32Array(1024)
  #label = new Uint8Array(1024)
  #fallback = new Int32Array(1024)
  #depth = new Int32Array(1024)
  /** Length of the longest pattern that ends in a state, 0 for none. */
  #ends = new Int32Array(1024)
  #isPattern = new Uint8Array(1024)
  #count = tabled
  #isSealed = true

  get isSealed(): boolean {
    return this.#isSealed
  }

  /** How many bytes of the text so far are the beginning of some pattern. */
  depthOf(state: number): number {
    return this.#depth[state]!
  }

  /** A pattern has at least three bytes: none may end where the table leads. */
  add(pattern: Uint8Array): void {
    if (pattern.length < 3) throw new RangeError('a pattern has at least three bytes')
    this.#makeRoom(pattern.length)
    let state = 1 + pattern[0]!
    this.#table[pattern[0]!] = state
    this.#depth[state] = 1
    for (let index = 1; index < pattern.length; index++) {
      const byte = pattern[index]!
      let child = this.#firstChild[state]!
      while (child !== 0 && this.#label[child] !== byte) child = this.#nextSibling[child]!
      if (child === 0) {
        child = this.#count++
        this.#label[child] = byte
        this.#depth[child] = index + 1
        this.#nextSibling[child] = this.#firstChild[state]!
        this.#firstChild[state] = child
      }
      state = child
    }
    if (this.#isPattern[state]) return
    this.#isPattern[state] = 1
    this.#isSealed = false
  }

  /** Works out where each state falls back to, breadth first. */
  seal(): void {
    const queue = new Int32Array(this.#count)
    let end = 0
    for (let state = 1; state < tabled; state++) {
      if (this.#depth[state] === 0) continue
      queue[end++] = state
      // What a state of one byte does not continue is read as if from the root.
      this.#table.copyWithin(state * 256, 0, 256)
      for (let child = this.#firstChild[state]!; child !== 0; child = this.#nextSibling[child]!) {
        this.#table[state * 256 + this.#label[child]!] = child
      }
    }
    for (let index = 0; index < end; index++) {
      const state = queue[index]!
      for (let child = this.#firstChild[state]!; child !== 0; child = this.#nextSibling[child]!) {
        const fallback = this.step(this.#fallback[state]!, this.#label[child]!)
        this.#fallback[child] = fallback
        this.#ends[child] = this.#isPattern[child] ? this.#depth[child]! : this.#ends[fallback]!
        queue[end++] = child
      }
    }
    this.#isSealed = true
  }

  /** The state after one more byte. */
  step(from: number, byte: number): number {
    let state = from
    while (state >= tabled) {
      let child = this.#firstChild[state]!
      while (child !== 0 && this.#label[child] !== byte) child = this.#nextSibling[child]!
      if (child !== 0) return child
      state = this.#fallback[state]!
    }
    return this.#table[state * 256 + byte]!
  }

  /** Reads on from a state and tells where the longest pattern that ends at a byte begins and ends. */
  scan(from: number, bytes: Uint8Array, found: (start: number, end: number) => void): number {
    // `step` written out, with its arrays at hand: this loop is what every log goes through.
    const table = this.#table
    const firstChild = this.#firstChild
    const nextSibling = this.#nextSibling
    const label = this.#label
    const ends = this.#ends
    let state = from
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index]!
      if (state < tabled) {
        state = table[state * 256 + byte]!
        continue
      }
      let next = firstChild[state]!
      while (next !== 0 && label[next] !== byte) next = nextSibling[next]!
      state = next !== 0 ? next : this.step(this.#fallback[state]!, byte)
      const length = ends[state]!
      if (length !== 0) found(index + 1 - length, index + 1)
    }
    return state
  }

  #makeRoom(more: number): void {
    const needed = this.#count + more
    if (needed <= this.#label.length) return
    const length = Math.max(needed, this.#label.length * 2)
    const grown = <T extends Int32Array | Uint8Array>(old: T, made: T): T => {
      made.set(old)
      return made
    }
    this.#firstChild = grown(this.#firstChild, new Int32Array(length))
    this.#nextSibling = grown(this.#nextSibling, new Int32Array(length))
    this.#fallback = grown(this.#fallback, new Int32Array(length))
    this.#depth = grown(this.#depth, new Int32Array(length))
    this.#ends = grown(this.#ends, new Int32Array(length))
    this.#label = grown(this.#label, new Uint8Array(length))
    this.#isPattern = grown(this.#isPattern, new Uint8Array(length))
  }
}
