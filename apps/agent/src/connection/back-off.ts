/** Pauses between attempts: 50 ms doubling to 2 s, each between half and the whole of that, so that agents spread. */
export class BackOff {
  #nextMs = firstMs

  /** The pause before the next attempt. */
  nextMs(): number {
    const pause = this.#nextMs * (0.5 + Math.random() / 2)
    this.#nextMs = Math.min(this.#nextMs * 2, mostMs)
    return pause
  }

  reset(): void {
    this.#nextMs = firstMs
  }
}

const firstMs = 50
const mostMs = 2_000
