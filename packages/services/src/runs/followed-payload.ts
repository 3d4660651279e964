import type { WorkflowRunType } from '@juanie/workflow'
import { runUrl, shortRef } from './contexts.ts'
import type { RunStatus } from './contract.ts'
import type { RunFacts } from './facts.ts'

const conclusions: Partial<Record<RunStatus, string>> = {
  succeeded: 'success',
  failed: 'failure',
  canceled: 'cancelled',
  superseded: 'cancelled',
  timed_out: 'timed_out',
  skipped: 'skipped',
  invalid: 'startup_failure',
}

/** The part of `github.event` that tells of the run which was followed, in GitHub's shape. */
export function followedPayload(facts: RunFacts, type: WorkflowRunType, url: string): Record<string, unknown> {
  const { run, project, actor, workflowName } = facts
  const repository = { full_name: `${project.organization}/${project.project}`, name: project.project }
  const who = { login: actor?.name ?? 'juanie', type: actor ? 'User' : 'Bot' }
  const page = runUrl(url, facts)
  return {
    action: type,
    workflow: { id: run.pipelineId, name: workflowName, path: run.workflowFile, state: 'active' },
    workflow_run: {
      id: run.number,
      name: workflowName,
      path: run.workflowFile,
      display_title: run.title,
      event: run.event,
      status: type === 'completed' ? 'completed' : type === 'in_progress' ? 'in_progress' : 'queued',
      conclusion: type === 'completed' ? (conclusions[run.status] ?? 'failure') : null,
      workflow_id: run.pipelineId,
      run_number: run.pipelineNumber,
      run_attempt: run.attempt,
      head_branch: shortRef(run.ref),
      head_sha: run.commit,
      head_commit: {
        id: run.commit,
        tree_id: run.source.tree,
        message: run.commitMessage,
        timestamp: run.source.committedAt,
        author: { name: run.commitAuthor, email: run.source.authorEmail },
        committer: { name: run.commitAuthor, email: run.source.authorEmail },
      },
      head_repository: repository,
      repository,
      actor: who,
      triggering_actor: who,
      pull_requests: [],
      referenced_workflows: [],
      created_at: run.createdAt.toISOString(),
      run_started_at: (run.startedAt ?? run.createdAt).toISOString(),
      updated_at: (run.finishedAt ?? run.startedAt ?? run.createdAt).toISOString(),
      url: page,
      html_url: page,
    },
  }
}
