import { type JobCaller, workflowPlace } from '../runs/index.ts'

/**
 * The claims of a job, as GitHub's id tokens have them:
 * https://docs.github.com/en/actions/reference/openid-connect-reference.
 */
export function claimsOf(caller: JobCaller): Record<string, string> {
  const repository = `${caller.organization}/${caller.project}`
  const own = workflowPlace({ ...caller, repository }, null)
  const place = workflowPlace({ ...caller, repository }, caller.called)
  return {
    sub: subjectOf(caller, repository),
    ref: caller.ref,
    ref_type: caller.ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    ref_protected: 'false',
    sha: caller.commit,
    repository,
    repository_id: caller.repositoryId,
    repository_owner: caller.organization,
    repository_owner_id: caller.organizationId,
    repository_visibility: 'private',
    run_id: String(caller.runNumber),
    run_number: String(caller.pipelineNumber),
    run_attempt: String(caller.attempt),
    actor: caller.actor?.name ?? 'juanie',
    ...(caller.actor && { actor_id: caller.actor.id }),
    workflow: caller.workflowName,
    workflow_ref: own.ref,
    workflow_sha: caller.commit,
    job_workflow_ref: place.ref,
    job_workflow_sha: place.sha,
    event_name: caller.event,
    head_ref: '',
    base_ref: '',
    runner_environment: 'self-hosted',
    ...(caller.environment !== null && { environment: caller.environment }),
  }
}

/** What clouds are told to trust. A colon in a name would let it end as another subject. */
function subjectOf({ environment, event, ref }: JobCaller, repository: string): string {
  if (environment !== null) return `repo:${repository}:environment:${environment.replaceAll(':', '%3A')}`
  return (event as string).startsWith('pull_request')
    ? `repo:${repository}:pull_request`
    : `repo:${repository}:ref:${ref}`
}
