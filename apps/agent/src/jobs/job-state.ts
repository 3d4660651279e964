import { join } from 'node:path'
import { type Contexts, evaluateMapping, Masker, strategyContext } from '@juanie/workflow'
import { JobMatchers } from './job-matchers.ts'
import type { JobRunParts } from './job-parts.ts'
import { servicePasses } from './service-environment.ts'
import { runnerContext } from './step-environment.ts'
import type { StepScope } from './step-scope.ts'

/** What all steps of a job share. */
export class JobState {
  readonly parts: JobRunParts
  readonly masker: Masker
  readonly budget: { left: number; limit: number }
  /** The job itself. */
  readonly top: StepScope = { steps: {}, composite: null, env: {} }
  /** What steps wrote to `GITHUB_ENV` and `GITHUB_PATH`. */
  readonly exported: Record<string, string> = {}
  readonly path: string[] = []
  status: 'success' | 'failure' | 'cancelled' = 'success'
  firstFailure: string | null = null
  readonly matchers: JobMatchers

  constructor(parts: JobRunParts) {
    this.parts = parts
    this.masker = new Masker([...Object.values(parts.job.contexts.secrets), ...servicePasses(parts.job)])
    const { workspace, temp, toolCache, home } = parts.folders
    this.matchers = new JobMatchers({ workspace, readable: [workspace, temp, toolCache, home, parts.trees.folder] })
    this.budget = { left: parts.job.limits.logBytes, limit: parts.job.limits.logBytes }
  }

  fail(reason: string): void {
    if (this.status === 'success') this.status = 'failure'
    this.firstFailure ??= this.masker.mask(reason)
  }

  options(scope: StepScope = this.top) {
    const status = this.status !== 'cancelled' && scope.composite ? scope.composite.status : this.status
    return { status: { job: status }, workspace: this.parts.folders.workspace, file: undefined }
  }

  /** The `env` context: the workflow's, the job's, what steps exported, and the step's own, the later winning. */
  environment(stepEnv: Record<string, string>, scope: StepScope = this.top): Record<string, string> {
    const { job } = this.parts
    const env: Record<string, string> = {}
    for (const level of [job.workflow.env, job.instance.job.env]) {
      Object.assign(env, evaluateMapping(level, this.contexts(env), this.options()))
    }
    return { ...env, ...this.exported, ...scope.env, ...stepEnv }
  }

  contexts(env: Record<string, string>, scope: StepScope = this.top, own: Record<string, string> = {}): Contexts {
    const { job, folders } = this.parts
    const { composite } = scope
    return {
      github: {
        ...job.contexts.github,
        workspace: folders.workspace,
        event_path: join(folders.files, 'event.json'),
        job: job.instance.job.id,
        ...composite?.github,
        ...(composite && { action_status: composite.status }),
        ...own,
      },
      env,
      vars: job.contexts.vars,
      // An action gets a secret as an input, or not at all.
      ...(!composite && { secrets: job.contexts.secrets }),
      job: { ...job.contexts.job, status: this.status },
      steps: scope.steps,
      runner: runnerContext(folders),
      strategy: strategyContext(job.instance.strategy),
      matrix: job.contexts.matrix,
      ...(!composite && { needs: job.contexts.needs }),
      inputs: composite ? composite.inputs : job.contexts.inputs,
    }
  }
}
