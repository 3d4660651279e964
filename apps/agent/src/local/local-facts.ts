import { createHash } from 'node:crypto'
import type { LocalRunRequest } from '@juanie/services/local-runs/contract'
import { type GithubFacts, githubContext, shortRef } from '@juanie/services/runs/pure'
import type { WorkTree } from './work-tree.ts'

/** Actions that ask GitHub for something find it where they always do. */
const server = 'https://github.com'

/** The same for each run of one working tree, in the shape of an id. */
export function idOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** The `github` context of a run of a working tree, `token` included. */
export function localGithub(
  request: Pick<LocalRunRequest, 'event' | 'file' | 'inputs' | 'payload' | 'root' | 'secrets'>,
  tree: WorkTree,
  workflowName: string,
): Record<string, unknown> {
  const { event } = request
  const isPullRequest = event.startsWith('pull_request')
  const pull = isPullRequest ? pullRequestOf(request.payload, tree) : null
  const facts: GithubFacts = {
    run: {
      attempt: 1,
      before: tree.before,
      commit: tree.head,
      commitAuthor: tree.author.name,
      commitMessage: tree.message,
      event,
      inputs: request.inputs,
      number: 1,
      pipelineNumber: 1,
      ref: event === 'pull_request' ? `refs/pull/${pull!.number}/merge` : tree.ref,
      source: {
        tree: tree.tree,
        authorEmail: tree.author.email,
        committedAt: tree.committedAt,
        created: false,
        forced: false,
      },
      trigger: pull?.event ?? {},
      workflowFile: request.file,
    },
    project: {
      projectId: idOf(request.root),
      project: tree.name,
      organizationId: idOf(tree.owner),
      organization: tree.owner,
      repositoryId: idOf(request.root),
      defaultBranch: tree.defaultBranch,
    },
    workflowName,
    actor: tree.committer,
  }
  const known = githubContext(facts, server)
  return {
    ...known,
    api_url: 'https://api.github.com',
    graphql_url: 'https://api.github.com/graphql',
    ...(pull && { head_ref: pull.head, base_ref: pull.base }),
    event: { ...(known.event as object), ...request.payload },
    token: request.secrets.GITHUB_TOKEN ?? '',
  }
}

/** A pull request from the branch of the working tree, unless the payload tells of another. */
function pullRequestOf(payload: Record<string, unknown>, tree: WorkTree) {
  const told = (payload.pull_request ?? {}) as { head?: { ref?: unknown }; base?: { ref?: unknown } }
  const head = String(told.head?.ref ?? shortRef(tree.ref))
  const base = String(told.base?.ref ?? tree.defaultBranch)
  const number = Number(payload.number ?? 1)
  const event = {
    action: 'opened',
    number,
    pull_request: {
      number,
      title: tree.message.split('\n')[0],
      draft: false,
      merged: false,
      labels: [],
      head: { ref: head, sha: tree.head, repo: { full_name: `${tree.owner}/${tree.name}`, fork: false } },
      base: { ref: base, sha: tree.before ?? tree.head, repo: { full_name: `${tree.owner}/${tree.name}` } },
      user: { login: tree.committer.name },
    },
  }
  return { head, base, number, event }
}
