import type { Wakeups } from './port.ts'

type Listener = { [K in keyof Wakeups]?: Wakeups[K] }

/**
 * Tells the parts of this very process what was just committed, sooner than a notification comes round. What is
 * missed here is heard through PostgreSQL or found by looking.
 */
export class RunSignals implements Wakeups {
  readonly #listeners = new Set<Listener>()

  on(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  jobsQueued(): void {
    for (const each of this.#listeners) each.jobsQueued?.()
  }

  jobsStopped(jobIds: string[]): void {
    for (const each of this.#listeners) each.jobsStopped?.(jobIds)
  }

  groupsChanged(projectId: string, names: string[]): void {
    for (const each of this.#listeners) each.groupsChanged?.(projectId, names)
  }

  runsChanged(runIds: string[]): void {
    for (const each of this.#listeners) each.runsChanged?.(runIds)
  }

  workflowsWanted(runId: string): void {
    for (const each of this.#listeners) each.workflowsWanted?.(runId)
  }

  logsStored(streamIds: string[]): void {
    for (const each of this.#listeners) each.logsStored?.(streamIds)
  }
}

/** Channels of PostgreSQL; payloads are ids. */
export const channels = {
  jobs: 'juanie_jobs',
  cancel: 'juanie_cancel',
  logs: 'juanie_logs',
  /** `<organization> <project> <run>`: steps of it have begun or ended. */
  steps: 'juanie_steps',
} as const
