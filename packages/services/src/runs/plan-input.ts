import type { Contexts, JobInstance, Workflow } from '@juanie/workflow'
import type { ConcurrencyGroup } from './concurrency-group.ts'
import type { CancelReason, ClaimState, JobStatus } from './contract.ts'
import type { JobMove } from './status.ts'

/** A workflow that a run calls, kept with it: a rerun calls the same text. */
export interface CalledText {
  /** For sentences that name a place in it. */
  file: string
  /** Null where it cannot be read; `fault` says why. */
  text: string | null
  fault: string | null
  /** Of a workflow of another repository: the commit that its reference meant. */
  commit: string | null
}

/** By the key under which a call finds it. */
export type CalledWorkflows = Record<string, CalledText>

/** A workflow of another repository, which must be fetched first. */
export interface WantedWorkflow {
  key: string
  owner: string
  name: string
  ref: string
  path: string
}

/** A job of the latest attempt, as its row says, and what this round of planning decided about it. */
export interface PlannedJob {
  id: string
  /** Id in its workflow; for a job of a called one, behind the path of the job that calls. */
  key: string
  /** Null until its needs are over and its matrix is known. */
  place: number | null
  repeat: number
  name: string
  instance: JobInstance | null
  needs: string[]
  labels: string[]
  status: JobStatus
  reason: string | null
  outputs: Record<string, string>
  continueOnError: boolean
  environment: string | null
  timeoutMs: number
  isUnrepeatable: boolean
  cancelReason: CancelReason | null
  /** The job of an earlier attempt whose success this one takes over. */
  carriedFrom: string | null
  concurrency: ConcurrencyGroup | null
  /** Where it stands in its group; null before it has asked. */
  claim: ClaimState | null
  isStored: boolean
  /** Whether its row must be written though it did not move. */
  isChanged: boolean
  /** Moves of this round, in order. */
  moves: JobMove[]
  /** Set when this round wants its agent to end it. */
  stop: CancelReason | null
}

export interface PlanInput {
  workflow: Workflow
  /** File of the workflow, for sentences that name a place in it. */
  file?: string
  jobs: PlannedJob[]
  isCanceled: boolean
  /** `github`, `vars` and `inputs`. */
  contexts: Contexts
  /** The workflows that are called, as far as they are known. */
  called?: CalledWorkflows
  /** Why a job is left out of this run, once it is known what it is; null for one that is not. */
  leftOut?: (job: Pick<PlannedJob, 'instance' | 'labels'>) => string | null
  newId: () => string
}
