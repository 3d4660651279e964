import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, type ProcessIdentity } from '@juanie/core/process-identity'
import type { CountedMinute } from './protocol.ts'

interface Left {
  process: ProcessIdentity
  /** It ended in order and counted to the end. */
  isOver: boolean
  minutes: CountedMinute[]
}

interface Inheritance {
  minutes: CountedMinute[]
  /** One of them ended without a word: what it counted last is not here. */
  wasCut: boolean
  /** Everything lies elsewhere now. */
  done(): void
}

const pattern = /^traffic-[0-9a-f-]{36}\.json$/

/** What edges of one folder counted and nobody has stored yet, a file for each process. */
export class TrafficFiles {
  readonly #folder: string
  readonly #process: ProcessIdentity
  readonly #name = `traffic-${randomUUID()}.json`

  constructor(folder: string, process: ProcessIdentity) {
    this.#folder = folder
    this.#process = process
  }

  /** A disk that is full costs counts, not visitors. */
  write(left: Omit<Left, 'process'>): void {
    const path = join(this.#folder, this.#name)
    try {
      writeFileSync(`${path}.new`, JSON.stringify({ process: this.#process, ...left }), { mode: 0o600 })
      renameSync(`${path}.new`, path)
    } catch (error) {
      console.error(`${new Date().toISOString()} What was counted could not be kept: ${(error as Error).message}`)
    }
  }

  /** Of edges that are gone; null when there are none. One that was replaced and still answers is left alone. */
  takeOver(): Inheritance | null {
    const found: { name: string; left: Left | null }[] = []
    for (const name of readdirSync(this.#folder)) {
      if (name === this.#name || !pattern.test(name)) continue
      const left = this.#read(name)
      if (left === null || left.isOver || !isRunning(left.process)) found.push({ name, left })
    }
    if (found.length === 0) return null
    return {
      minutes: found.flatMap(({ left }) => left?.minutes ?? []),
      wasCut: found.some(({ left }) => left?.isOver !== true),
      done: () => {
        for (const { name } of found) rmSync(join(this.#folder, name), { force: true })
      },
    }
  }

  #read(name: string): Left | null {
    try {
      const left = JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as Left
      return Array.isArray(left.minutes) && left.process ? left : null
    } catch {
      return null
    }
  }
}
