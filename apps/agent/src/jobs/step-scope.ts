import type { Contexts } from '@juanie/workflow'

/** Where a step runs: in the job itself, or in a composite action, which has inputs and results of its own. */
export interface StepScope {
  /** Results of the steps so far. */
  steps: NonNullable<Contexts['steps']>
  /** Null in the job itself. */
  composite: {
    inputs: Record<string, string>
    /** Fields of the `github` context that an action sees of itself. */
    github: Record<string, string>
    /** Null when it lies in the workspace. */
    tree: ActionTree | null
    /** How many composite actions lie around it. */
    depth: number
    status: 'success' | 'failure'
  } | null
  /** What the steps around it added to `env`. */
  env: Record<string, string>
}

/** The folder of a whole repository at one commit, that actions of it lie in. */
export interface ActionTree {
  root: string
  repository: string
  ref: string
}
