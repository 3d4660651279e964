import type { Transaction } from '@juanie/core/database'
import type { ProjectScope } from '@juanie/core/scope'
import type { RunRow } from './facts.ts'

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
  /** Somebody came to these concurrency groups, or left them. */
  groupsChanged(projectId: string, names: string[]): void
  /** These runs were made, have begun or are over: others may follow them. */
  runsChanged(runIds: string[]): void
  /** Jobs of this run call workflows whose texts must be fetched. */
  workflowsWanted(runId: string): void
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

/**
 * Workflows of other repositories. A place that cannot be reached throws `unavailable`, which is tried again; a
 * repository or a reference that does not exist throws `not_found`, and one that the organization does not allow
 * `forbidden`.
 */
export interface WorkflowSources {
  /** The commit that a branch, a tag or an id means now. */
  resolve(scope: ProjectScope, wanted: { owner: string; name: string; ref: string }): Promise<{ commit: string }>
  /** Null when there is no such file. */
  read(
    scope: ProjectScope,
    wanted: { owner: string; name: string; commit: string; path: string },
  ): Promise<string | null>
}

/** Looks at a run that is over and makes what follows from it, once, however often it is told. */
export type RunFollower = (run: RunRow) => Promise<void>
