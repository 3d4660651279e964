import type { LeasedJob } from '@juanie/services/hosts/contract'
import type { LocalRunRequest } from '@juanie/services/local-runs/contract'
import {
  type CalledWorkflows,
  calledWorkflow,
  latest,
  needsOf,
  type PlannedJob,
  placeOf,
  secretsNamed,
  secretsOf,
  workflowPlace,
} from '@juanie/services/runs/pure'
import type { Contexts, Workflow } from '@juanie/workflow'
import { idOf } from './local-facts.ts'
import type { WorkTree } from './work-tree.ts'

const gib = 1024 ** 3
/** As on a server. */
const limits = { workspaceBytes: 20 * gib, logBytes: gib, memoryBytes: null }

interface Around {
  request: LocalRunRequest
  tree: WorkTree
  workflow: Workflow
  called: CalledWorkflows
  jobs: PlannedJob[]
  contexts: Contexts
}

/** A job with all that it needs, as an agent is given one. */
export async function leasedOf(job: PlannedJob, around: Around): Promise<LeasedJob> {
  const { request, tree } = around
  const instance = job.instance!
  const kept = instance.called && around.called[instance.called.workflow]
  const workflow = kept ? calledWorkflow(kept)! : around.workflow
  const token = request.secrets.GITHUB_TOKEN ?? ''
  const github = { ...around.contexts.github, job: instance.job.id }
  const secrets = await secretsOf(
    {
      caller: async (path) => {
        const { key, place } = placeOf(path)
        return latest(around.jobs, key).find((each) => place === null || each.place === place) ?? null
      },
      needs: async (needs) => needsOf({ needs }, around.jobs),
      contexts: { ...around.contexts, github },
      token,
      open: async (names) => opened(request.secrets, names),
    },
    instance,
    secretsNamed(instance.job, workflow),
  )
  const place = workflowPlace(
    { workflowFile: request.file, ref: tree.ref, commit: tree.head, repository: `${tree.owner}/${tree.name}` },
    instance.called && kept ? { key: instance.called.workflow, commit: kept.commit } : null,
  )
  return {
    jobId: job.id,
    runId: idOf(`${request.root} ${tree.commit}`),
    runNumber: 1,
    projectId: idOf(request.root),
    instance,
    workflow: { name: around.workflow.name ?? request.file, env: workflow.env, defaults: workflow.defaults },
    contexts: {
      github,
      vars: request.vars,
      secrets: { ...secrets, ...(token !== '' && { GITHUB_TOKEN: token }) },
      needs: needsOf(job, around.jobs),
      inputs: instance.called?.inputs ?? request.inputs,
      matrix: instance.matrix,
      job: {
        workflow_ref: place.ref,
        workflow_sha: place.sha,
        workflow_repository: place.repository,
        workflow_file_path: place.path,
      },
    },
    repository: {
      path: tree.origin ?? `/${tree.owner}/${tree.name}.git`,
      localPath: tree.repository,
      commit: tree.commit,
      ref: tree.ref,
      gitToken: '',
    },
    services: null,
    limits: { timeoutMs: job.timeoutMs, ...limits },
  }
}

function opened(secrets: Record<string, string>, names: readonly string[] | 'all'): Record<string, string> {
  const all = Object.entries(secrets)
  return Object.fromEntries(names === 'all' ? all : all.filter(([name]) => names.includes(name)))
}
