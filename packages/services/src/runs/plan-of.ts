import { uuidv7 } from '@juanie/core/ids'
import type { Workflow } from '@juanie/workflow'
import { githubContext } from './contexts.ts'
import type { RunFacts } from './facts.ts'
import { type PlannedJob, type PlanResult, plan } from './plan.ts'

export interface Planning {
  facts: RunFacts
  workflow: Workflow
  vars: Record<string, string>
  jobs: PlannedJob[]
}

/** Plans a run as its rows say it stands. */
export const planOf = ({ url }: { url: () => string }, { facts, workflow, vars, jobs }: Planning): PlanResult =>
  plan({
    workflow,
    file: facts.run.workflowFile,
    called: facts.run.called,
    jobs,
    isCanceled: facts.run.cancelRequestedAt !== null,
    contexts: { github: githubContext(facts, url()), vars, inputs: facts.run.inputs },
    newId: uuidv7,
  })
