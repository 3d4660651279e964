import type { Database } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { Masker } from '@juanie/workflow'
import { eq } from 'drizzle-orm'
import { storedWorkflow } from './advance.ts'
import type { JobCaller } from './job-passes.ts'
import { secretsNamed } from './mentions.ts'
import type { RunSecrets } from './port.ts'
import { pipelineRuns } from './tables.ts'

/** Knows the secrets that a job was given, so that none of them becomes a name that people read. */
export class JobSecrets {
  readonly #db: Database
  readonly #secrets: RunSecrets

  constructor(parts: { db: Database; secrets: RunSecrets }) {
    this.#db = parts.db
    this.#secrets = parts.secrets
  }

  /** Refuses a text of the job that holds one. */
  async refuse(caller: JobCaller, field: string, text: string): Promise<void> {
    const [run] = await this.#db
      .select({ workflowFile: pipelineRuns.workflowFile, workflowText: pipelineRuns.workflowText })
      .from(pipelineRuns)
      .where(eq(pipelineRuns.id, caller.runId))
    const workflow = run && storedWorkflow(run)
    const names = workflow ? secretsNamed(caller.job, workflow) : 'all'
    if (names !== 'all' && names.length === 0) return
    const values = await this.#secrets.forRun(caller, { environment: caller.environment, names })
    if (new Masker(Object.values(values)).mask(text) === text) return
    throw new AppError('invalid', 'job.secret_named', {
      message: `${field}: it holds a secret of this job, and would show it to everybody who sees it.`,
      details: { field },
    })
  }
}
