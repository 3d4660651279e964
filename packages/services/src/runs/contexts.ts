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
  actor: { id?: string; name: string; email: string } | null
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
    actor_id: actor?.id ?? '0',
    api_url: `${url}/api`,
    base_ref: '',
    event: eventOf(facts, url),
    event_name: run.event,
    graphql_url: `${url}/api/graphql`,
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
  const owner = {
    login: project.organization,
    name: project.organization,
    id: project.organizationId,
    type: 'Organization',
  }
  const page = `${url}/${project.organization}/${project.project}`
  const repository = {
    id: project.repositoryId,
    name: project.project,
    full_name: `${project.organization}/${project.project}`,
    owner,
    private: true,
    visibility: 'private',
    fork: false,
    archived: false,
    default_branch: project.defaultBranch,
    master_branch: project.defaultBranch,
    html_url: page,
    url: page,
    clone_url: cloneUrl(url, project),
    git_url: cloneUrl(url, project),
  }
  const sender = { login: actor?.name ?? 'juanie', id: actor?.id ?? '0', type: actor ? 'User' : 'Bot' }
  const organization = { login: project.organization, id: project.organizationId }
  const common = { repository, sender, organization }
  if (run.event === 'workflow_dispatch') {
    return { ...common, inputs: run.inputs, ref: run.ref, workflow: run.workflowFile }
  }
  if (run.event !== 'push') {
    const { level: _level, ...told } = run.trigger ?? {}
    return { ...told, ...common }
  }
  const told = (commit: NonNullable<RunSource['commits']>[number]) => {
    const who = { ...commit.author, username: commit.author.name }
    return {
      id: commit.id,
      tree_id: commit.tree,
      message: commit.message,
      timestamp: commit.committedAt,
      author: who,
      committer: who,
      distinct: true,
      url: `${page}/commit/${commit.id}`,
    }
  }
  const { tree, committedAt, authorEmail, created, forced, commits } = run.source
  const author = { name: run.commitAuthor, email: authorEmail }
  const head = told({ id: run.commit, tree, message: run.commitMessage, author, committedAt })
  const before = run.before ?? noCommit
  return {
    ...common,
    ref: run.ref,
    before,
    after: run.commit,
    base_ref: null,
    created,
    deleted: false,
    forced,
    compare: created
      ? `${page}/compare/${shortRef(run.ref)}`
      : `${page}/compare/${before.slice(0, 12)}...${run.commit.slice(0, 12)}`,
    commits: commits?.map(told) ?? [head],
    head_commit: head,
    pusher: { name: actor?.name ?? 'juanie', email: actor?.email ?? '' },
  }
}

const maxMessage = 8_192

export const sourceOf = (
  commit: Commit,
  push: { created: boolean; forced: boolean; commits?: Commit[] | undefined },
): RunSource => ({
  tree: commit.tree,
  authorEmail: commit.author.email,
  committedAt: commit.committedAt,
  created: push.created,
  forced: push.forced,
  ...(push.commits && {
    commits: push.commits.map(({ id, tree, message, author, committedAt }) => ({
      id,
      tree,
      message: message.slice(0, maxMessage),
      author,
      committedAt,
    })),
  }),
})
