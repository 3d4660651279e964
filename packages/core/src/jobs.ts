/** What BullMQ calls queues; one is made when a job uses it. */
const lanes = ['deployment', 'pipeline-execution', 'maintenance'] as const
export type Lane = (typeof lanes)[number]

/**
 * A job says "reconcile X": it carries an id, is safe to repeat and safe to lose, because a sweep finds whatever is
 * not final. It throws an `AppError` to end (a refusal will not pass by itself) and anything else to be tried again.
 */
export interface JobDefinition {
  /** `domain.verb`. */
  name: `${string}.${string}`
  lane: Lane
  run: (id: string) => Promise<void>
}

/** How services ask for a job after their commit. */
export interface Jobs {
  /**
   * Wakes a worker. Any number of requests for the same job that is not yet running become one; a request that
   * arrives while it runs causes one more run. Never throws: what is lost here is found by a sweep.
   */
  enqueue(name: JobDefinition['name'], input: { id: string }): Promise<void>
}

/** Runs what must be done now and then, on one server at a time. */
export interface Sweeps {
  /** Calls `sweep` every `ms` milliseconds, never twice at once; an error is logged and the next turn comes as usual. */
  every(ms: number, name: string, sweep: () => Promise<void>): void
}
