import type { LeasedJob } from '@juanie/services/hosts/contract'
import type { Contexts, Outcome, Step } from '@juanie/workflow'
import type { ActionNodes } from './action-nodes.ts'
import type { ActionTrees } from './action-trees.ts'
import type { JobFolders } from './folders.ts'
import type { StepLog } from './log-writer.ts'
import type { OutputPipe } from './step-output.ts'
import type { StepScope } from './step-scope.ts'
import type { JobUpstream } from './upstream.ts'
import type { UserPrograms } from './user-programs.ts'

export interface JobRunParts {
  job: LeasedJob
  fence: number
  upstream: JobUpstream
  folders: JobFolders
  /** Makes them. */
  makeFolders(): Promise<void>
  programs: UserPrograms
  nodeFolder: string
  /** What the operator gives to every job. */
  jobEnvironment: Record<string, string>
  trees: ActionTrees
  nodes: ActionNodes
  /** Where steps reach the server's services; null until it listens. */
  servicesUrl(): string | null
  /** Folder of a bare repository on this host that has the job's commit; steps may read it. */
  source(signal: AbortSignal): Promise<string>
}

/** What a step may end with; `reason` is for people. */
export interface StepEnd {
  outcome: Outcome
  exitCode: number | null
  reason: string | null
}

/** What a step works with; native actions and scripts alike. */
export interface StepContext {
  step: Step
  place: number
  scope: StepScope
  /** Names the files of the step; new for each step of a composite action, too. */
  key: string
  parts: JobRunParts
  contexts: Contexts
  environment: Record<string, string>
  log: StepLog
  pipe: OutputPipe
  signal: AbortSignal
  setOutput(name: string, value: string): void
}
