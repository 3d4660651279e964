import type { Transaction } from '@juanie/core/database'

/**
 * The secrets of a project, opened for one job. Names are compared without regard to case; those that do not exist
 * are absent from the answer, as on GitHub. Of a name that exists for the environment and for the project, the
 * environment's counts. A value that cannot be opened throws `unavailable`: nothing is ever left out silently.
 */
export interface RunSecrets {
  forRun(
    owner: { organizationId: string; projectId: string },
    wanted: { environment: string | null; names: readonly string[] | 'all' },
  ): Promise<Record<string, string>>
}

/** Told when something was committed that agents must hear of. Everything is also found by looking, later. */
export interface Wakeups {
  /** Jobs were queued. */
  jobsQueued(): void
  /** These held jobs should end. */
  jobsStopped(jobIds: string[]): void
  /** Lines of these streams were stored, or a stream ended. */
  logsStored(streamIds: string[]): void
}

/** The row that counts the stored lines of a log stream. */
export interface StreamRow {
  /** Id of the stream. */
  id: string
  projectId: string
  lines: number
}

/** The streams of instances, which lie above runs. */
export interface InstanceStreams {
  /** Locks the rows of those instances that are of this host, in the order of their ids. Others are absent. */
  lock(tx: Transaction, hostId: string, instanceIds: string[]): Promise<Map<string, StreamRow>>
  /** Sets the number of stored lines. */
  save(tx: Transaction, lines: Map<string, number>): Promise<void>
}
