import type { JobStatus, RunStatus, StepStatus } from '../runs/contract.ts'

/** What the command line asks of the agent's program for runs without a server: the first line of its input, as JSON. */
export interface LocalRunRequest {
  /** Folder that is kept between runs: actions, tools, and what a run under way needs. */
  home: string
  /** Top folder of the working tree. */
  root: string
  /** Path of the workflow, from there. */
  file: string
  text: string
  event: string
  /** Laid over `github.event`. */
  payload: Record<string, unknown>
  inputs: Record<string, unknown>
  secrets: Record<string, string>
  vars: Record<string, string>
  /** Ids of the jobs to run, with what they need; all where there are none. */
  jobs: string[]
  /** Of each matrix that has such a key, only the jobs with this value. */
  matrix: Record<string, string>
}

/** Lines of its output, as JSON. Names, reasons and lines come from the workflow and its programs. */
export type LocalRunEvent =
  | {
      kind: 'begun'
      workflow: string
      event: string
      ref: string
      commit: string
      /** Whether what runs differs from that commit. */
      isDirty: boolean
      isolation: string
    }
  | { kind: 'job'; id: string; name: string; status: JobStatus; reason: string | null }
  | { kind: 'step'; job: string; name: string; status: StepStatus; durationMs: number | null }
  | { kind: 'lines'; job: string; step: string; lines: [number, string][] }
  | { kind: 'ended'; run: LocalRun }

/** How a run without a server ended. Times are ISO 8601. */
export interface LocalRun {
  status: RunStatus
  reason: string | null
  workflow: string
  file: string
  event: string
  ref: string
  commit: string
  isDirty: boolean
  startedAt: string
  finishedAt: string
  /** Keys of `matrix` that no job had with that value. */
  unmatched: string[]
  jobs: LocalJob[]
}

export interface LocalJob {
  /** Its id in the workflow, behind the path of the job that calls it. */
  id: string
  name: string
  status: JobStatus
  reason: string | null
  startedAt: string | null
  finishedAt: string | null
  outputs: Record<string, string>
  /** What its steps wrote to `GITHUB_STEP_SUMMARY`. */
  summary: string
  steps: LocalStep[]
}

export interface LocalStep {
  name: string
  status: StepStatus
  reason: string | null
  exitCode: number | null
  startedAt: string | null
  finishedAt: string | null
  annotations: { level: string; message: string; file: string | null; line: number | null }[]
}
