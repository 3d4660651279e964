/**
 * The secrets of a project, opened for one job. Names are compared without regard to case; those that do not exist
 * are absent from the answer, as on GitHub. Of a name that exists for the environment and for the project, the
 * environment's counts. A value that cannot be opened throws `unavailable`: nothing is ever left out silently.
 */
export interface SecretOpener {
  open(
    scope: { organizationId: string; projectId: string },
    wanted: { environment: string | null; names: string[] | 'all' },
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
