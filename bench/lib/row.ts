import type { FloorDatabase } from './floor-database.ts'
import type { Platform } from './platform.ts'
import { type Summary, summarize } from './statistics.ts'

/** What a row is given. Parts that several rows share are started once, by the first that asks. */
export interface Bench {
  rounds: number
  /** How many requests the switch is watched with. */
  requests: number
  /** How long memory rests before it is read. */
  restMs: number
  platform(): Promise<Platform>
  database(): Promise<FloorDatabase>
  say(line: string): void
}

export interface Row {
  /** As `--only` takes it. */
  name: string
  about: string
  measure(bench: Bench): Promise<Result[]>
}

export interface Goal {
  text: string
  isMet: boolean
}

/** One line of the table. */
export interface Result {
  row: string
  what: string
  unit: string
  juanie: Side | null
  floor: Side | null
  goals: Goal[]
  /** What was counted besides, and found as it must be. */
  verified: string
}

export interface Side extends Summary {
  /** Of everything that belongs to this side, without the client; null where it was not measured. */
  cpuUs: number | null
}

/** Values of one side with the CPU time that all of them took together. */
export class Samples {
  readonly values: number[] = []
  cpuMs = 0

  side(): Side {
    return { ...summarize(this.values), cpuUs: this.cpuMs > 0 ? (this.cpuMs * 1000) / this.values.length : null }
  }
}

/**
 * `A B A B …`: each round does both sides, the first of them alternating. Unmeasured rounds come first, until what both
 * sides run is compiled and cached; `warm` is told when they are over.
 */
export async function alternate(
  rounds: number,
  sides: { juanie: (round: number) => Promise<void>; floor: (round: number) => Promise<void> },
  warm: () => void,
  warmRounds = 1,
): Promise<void> {
  for (let round = -warmRounds; round < rounds; round++) {
    if (round === 0) warm()
    const order = round % 2 === 0 ? ([sides.floor, sides.juanie] as const) : ([sides.juanie, sides.floor] as const)
    for (const side of order) await side(round)
  }
}

export const atMost = (text: string, value: number, limit: number): Goal => ({ text, isMet: value <= limit })

export const ratioGoal = (juanie: Side, floor: Side, limit: number): Goal =>
  atMost(`p50 ≤ ${limit}× floor`, juanie.p50 / floor.p50, limit)
