import { AppError } from '@juanie/core/errors'
import type { Passwords } from '@juanie/services/auth/port'
import { type Algorithm, hash, verify } from '@node-rs/argon2'

/** OWASP's recommendation for argon2id: 19 MiB, two passes, one lane (about 10 ms of one core). */
const options = {
  algorithm: 2 satisfies Algorithm.Argon2id as Algorithm,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
}

/** At once, and waiting for their turn: a flood of sign-ins takes neither all memory nor all cores. */
const atOnce = 2
const waiting = 200

export class Argon2Passwords implements Passwords {
  #running = 0
  readonly #queue: (() => void)[] = []

  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, options))
  }

  matches(stored: string, password: string): Promise<boolean> {
    return this.#inTurn(() => verify(stored, password).catch(() => false))
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= atOnce) {
      if (this.#queue.length >= waiting) {
        throw new AppError('unavailable', 'session.busy', {
          message: 'Too many people are signing in. Try again in a few seconds.',
        })
      }
      await new Promise<void>((resolve) => this.#queue.push(resolve))
    } else {
      this.#running++
    }
    try {
      return await work()
    } finally {
      // The turn is handed on, so that nobody slips in between.
      const next = this.#queue.shift()
      if (next) next()
      else this.#running--
    }
  }
}
