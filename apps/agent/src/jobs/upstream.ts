import type {
  ActionAnswer,
  AskActions,
  AskDeployment,
  AskedDeployment,
  DeploymentProgress,
  MadeRelease,
  MakeRelease,
  Report,
} from '@juanie/services/hosts/contract'

export interface StepStream {
  kind: 'step'
  jobId: string
  fence: number
  step: number
}

/**
 * What jobs need of the connection to the server. Nothing here blocks a step: reports and lines are queued, sent in
 * order and resent until the server has them, also after it was away.
 */
export interface JobUpstream {
  /** Queues a report. A `step.ended` leaves only after every line of its step was acknowledged. */
  report(report: Report): void
  /** Queues lines of a stream that follow those queued before; the first line of a stream has number 1. */
  log(stream: StepStream, lines: [number, string][]): void
  /** Base address of the server as it is now; null while it is unknown. */
  serverUrl(): string | null
  /** Stores a file in the server's store unless it is there. Throws when the server refuses or stays away. */
  putBlob(jobId: string, digest: string, file: string, signal: AbortSignal): Promise<void>
  /** Null where nobody keeps releases. */
  makeRelease(release: MakeRelease, signal: AbortSignal): Promise<MadeRelease | null>
  askDeployment(ask: AskDeployment, signal: AbortSignal): Promise<AskedDeployment>
  /** What the texts after `uses` mean, in their order. */
  resolveActions(ask: AskActions, signal: AbortSignal): Promise<ActionAnswer[]>
  /** Writes the bundle of a commit that was resolved into a file. */
  downloadAction(
    job: { jobId: string; fence: number },
    commit: { owner: string; name: string; commit: string },
    file: string,
    signal: AbortSignal,
  ): Promise<void>
  /** Waits up to 25 s for a change. */
  deploymentProgress(
    deploymentId: string,
    job: { jobId: string; fence: number },
    signal: AbortSignal,
  ): Promise<DeploymentProgress>
}
