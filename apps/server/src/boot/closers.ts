/** What was opened, to be closed in the opposite order. */
export class Closers {
  readonly #closers: (() => Promise<void>)[] = []

  add(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  /** One that fails or hangs does not keep the others from closing: what is left of the time goes to those after it. */
  async close(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs
    for (const close of this.#closers.splice(0).reverse()) {
      const ahead = this.#closers.length + 1
      const shareMs = Math.max(500, (end - performance.now()) / Math.min(2, ahead + 1))
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          console.error('A part of the server did not end in time and is left behind.')
          resolve()
        }, shareMs)
      })
      try {
        await Promise.race([close(), late])
      } catch (error) {
        console.error(error)
      } finally {
        clearTimeout(timer)
      }
    }
  }
}
