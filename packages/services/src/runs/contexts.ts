import type { Commit } from '../repositories/port.ts'
import { noCommit } from '../repositories/port.ts'
import type { RunSource } from './contract.ts'
import type { RunFacts, RunRow } from './facts.ts'

export const runUrl = (url: string, facts: Pick<RunFacts, 'run' | 'project'>): string =>
  `${url}/${facts.project.organization}/${facts.project.project}/runs/${facts.run.number}`

/** `refs/heads/main` → `main`; other refs keep their full name. */
export const shortRef = (ref: string): string => ref.replace(/^refs\/(heads|tags)\//, '')

/** What expressions see of a run. */
export interface GithubFacts extends Pick<RunFacts, 'project' | 'workflowName'> {
  run: Pick<
    RunRow,
    | 'attempt'
    | 'before'
    | 'commit'
    | 'commitAuthor'
    | 'commitMessage'
    | 'inputs'
    | 'number'
    | 'pipelineNumber'
    | 'ref'
    | 'source'
    | 'trigger'
    | 'workflowFile'
  > & { event: string }
  actor: { name: string; email: string } | null
}

const refType = (ref: string): string => (ref.startsWith('refs/tags/') ? 'tag' : 'branch')

/**
 * The `github` context of a run, in GitHub's shape. `run_id` is the run's number in its project: a number, as
 * workflows expect, and unique within the repository. What only the agent knows (`workspace`, `action`, `job`, the
 * files of a step) it adds itself.
 */
export function githubContext(facts: GithubFacts, url: string): Record<string, unknown> {
  const { run, project, actor } = facts
  const name = actor?.name ?? 'juanie'
  return {
    actor: name,
    api_url: `${url}/api`,
    base_ref: '',
    event: eventOf(facts, url),
    event_name: run.event,
    graphql_url: '',
    head_ref: '',
    ref: run.ref,
    ref_name: shortRef(run.ref),
    ref_protected: false,
    ref_type: refType(run.ref),
    repository: `${project.organization}/${project.project}`,
    repository_id: project.repositoryId,
    repository_owner: project.organization,
    repository_owner_id: project.organizationId,
    repositoryUrl: cloneUrl(url, project),
    retention_days: '90',
    run_attempt: String(run.attempt),
    run_id: String(run.number),
    run_number: String(run.pipelineNumber),
    secret_source: 'Actions',
    server_url: url,
    sha: run.commit,
    triggering_actor: name,
    workflow: facts.workflowName,
    workflow_ref: `${project.organization}/${project.project}/${run.workflowFile}@${run.ref}`,
    workflow_sha: run.commit,
  }
}

export const cloneUrl = (url: string, project: { organization: string; project: string }): string =>
  `${url}/git/${project.organization}/${project.project}.git`

function eventOf({ run, project, actor }: GithubFacts, url: string): Record<string, unknown> {
  const owner = { login: project.organization, name: project.organization, id: project.organizationId }
  const repository = {
    id: project.repositoryId,
    name: project.project,
    full_name: `${project.organization}/${project.project}`,
    owner,
    private: true,
    default_branch: project.defaultBranch,
    master_branch: project.defaultBranch,
    html_url: `${url}/${project.organization}/${project.project}`,
    url: `${url}/${project.organization}/${project.project}`,
    clone_url: cloneUrl(url, project),
  }
  const sender = { login: actor?.name ?? 'juanie', type: actor ? 'User' : 'Bot' }
  const common = { repository, sender, organization: { login: project.organization } }
  if (run.event === 'workflow_dispatch') {
    return { ...common, inputs: run.inputs, ref: run.ref, workflow: run.workflowFile }
  }
  if (run.event !== 'push') {
    const { level: _level, ...told } = run.trigger ?? {}
    return { ...told, ...common }
  }
  const head = {
    id: run.commit,
    tree_id: run.source.tree,
    message: run.commitMessage,
    timestamp: run.source.committedAt,
    author: { name: run.commitAuthor, email: run.source.authorEmail, username: run.commitAuthor },
    committer: { name: run.commitAuthor, email: run.source.authorEmail, username: run.commitAuthor },
    distinct: true,
    url: `${url}/${project.organization}/${project.project}`,
  }
  return {
    ...common,
    ref: run.ref,
    before: run.before ?? noCommit,
    after: run.commit,
    base_ref: null,
    created: run.source.created,
    deleted: false,
    forced: run.source.forced,
    compare: '',
    commits: [head],
    head_commit: head,
    pusher: { name: actor?.name ?? 'juanie', email: actor?.email ?? '' },
  }
}

export const sourceOf = (commit: Commit, push: { created: boolean; forced: boolean }): RunSource => ({
  tree: commit.tree,
  authorEmail: commit.author.email,
  committedAt: commit.committedAt,
  ...push,
})
