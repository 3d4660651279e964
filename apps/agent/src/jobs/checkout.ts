import { existsSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import type { LeasedJob } from '@juanie/services/hosts/contract'
import type { UserPrograms } from './user-programs.ts'

export interface CheckoutInputs {
  ref?: string
  path?: string
  'fetch-depth'?: string
  'fetch-tags'?: string
  'persist-credentials'?: string
  'sparse-checkout'?: string
  'sparse-checkout-cone-mode'?: string
  token?: string
}

export class CheckoutError extends Error {}

/**
 * `actions/checkout` for the project's own repository. The checkout is a repository of its own whose objects come
 * from `source` through `objects/info/alternates`: as fast as a worktree, and a step cannot reach the source's
 * configuration or hooks. Returns the folder, relative to the workspace, and the commit.
 */
export async function checkout(
  job: LeasedJob,
  inputs: CheckoutInputs,
  parts: {
    workspace: string
    source: string
    serverUrl: string | null
    /** Of the job, for what its later steps fetch or push; null where it has none. */
    token: string | null
    programs: UserPrograms
    say(line: string): void
    signal: AbortSignal
  },
): Promise<{ commit: string; ref: string }> {
  const { programs, source, signal } = parts
  const folder = inside(parts.workspace, inputs.path ?? '')
  const depth = Number(inputs['fetch-depth']?.trim() || '1')
  if (!Number.isInteger(depth) || depth < 0) {
    throw new CheckoutError(
      `fetch-depth: "${inputs['fetch-depth']}" is not a whole number; use 0 for the whole history.`,
    )
  }
  const wanted = inputs.ref?.trim() || null
  // Of a working tree, the commit with what is not committed yet stands for the one that it has.
  const isOwn = wanted === null || wanted === job.contexts.github.sha
  const commit = isOwn ? job.repository.commit : await resolveRef(wanted, { programs, source, signal })
  const branch = branchOf(wanted ?? job.repository.ref)

  const keepsCredentials = parts.token !== null && inputs['persist-credentials']?.trim().toLowerCase() !== 'false'
  const remote = parts.serverUrl ? new URL(job.repository.path, parts.serverUrl).href : job.repository.path
  const files: Record<string, string> = {
    'objects/info/alternates': `${join(source, 'objects')}\n`,
    config: `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n[gc]\n\tauto = 0\n[remote "origin"]\n\turl = ${remote}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`,
    HEAD: branch ? `ref: refs/heads/${branch}\n` : `${commit}\n`,
  }
  const isWhole = depth === 0
  if (!isWhole) files.shallow = `${(await boundary(commit, depth, { programs, source, signal })).join('\n')}\n`
  if (branch) {
    const remote = isWhole ? '' : `${commit} refs/remotes/origin/${branch}\n`
    files['packed-refs'] = `${commit} refs/heads/${branch}\n${remote}`
  }
  const own = join(folder, '.git')
  const sparse = linesOf(inputs['sparse-checkout'])
  const wantsTags = inputs['fetch-tags']?.trim().toLowerCase() === 'true'
  await programs.git(['-C', folder, 'read-tree', '--reset', '-u', commit], {
    signal,
    before: [
      layOut(own, files),
      ...(isWhole ? allRefs(source, own) : wantsTags ? allRefs(source, own).slice(1) : []),
      ...(sparse.length > 0 ? [sparsely(folder, sparse, inputs['sparse-checkout-cone-mode'])] : []),
    ],
    // Not an argument of any process.
    env: { CHECKOUT_CREDENTIALS: keepsCredentials ? credentials(remote, inputs.token?.trim() || parts.token!) : '' },
  })
  parts.say(`Checked out ${commit} (${wanted ?? job.repository.ref}).`)
  return { commit, ref: wanted ?? job.repository.ref }
}

/** As the action itself leaves them: for git commands of later steps, gone with the job's folder. */
const credentials = (remote: string, token: string): string =>
  URL.canParse(remote) && !/[\r\n"\\]/.test(token)
    ? `[http "${new URL('/', remote).href}"]\n\textraheader = AUTHORIZATION: basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}\n`
    : ''

/** The branch that is checked out by name; tags and commits leave HEAD detached. */
function branchOf(ref: string): string | null {
  if (/^[0-9a-f]{40}$/.test(ref) || ref.startsWith('refs/tags/')) return null
  return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : ref.startsWith('refs/') ? null : ref
}

/** A fetch-depth of 1 needs no look at the history: the commit itself is the boundary. */
async function boundary(commit: string, depth: number, { programs, source, signal }: Source): Promise<string[]> {
  if (depth === 1) return [commit]
  const listed = await programs.git(['-C', source, 'rev-list', '--parents', `--max-count=100000`, commit], { signal })
  const parents = new Map(
    listed
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(0, 40), line.split(' ').slice(1)]),
  )
  let level = [commit]
  for (let reached = 1; reached < depth && level.length > 0; reached++) {
    level = [...new Set(level.flatMap((each) => parents.get(each) ?? []))]
  }
  return level.length > 0 ? level : [commit]
}

interface Source {
  programs: UserPrograms
  source: string
  signal: AbortSignal
}

/**
 * Writes the few files of a repository. It is a program of the step's user, so that nothing of the agent's writes where
 * a step can put links; and cheaper than `git init`, which writes its configuration key by key.
 */
const layOut = (folder: string, files: Record<string, string>): string[] => [
  '/bin/sh',
  '-c',
  'set -e; mkdir -p "$1/objects/info" "$1/refs"; cd "$1"; shift; while [ $# -gt 0 ]; do printf %s "$2" >"$1"; shift 2; done; printf %s "$CHECKOUT_CREDENTIALS" >>config',
  'juanie',
  folder,
  ...Object.entries(files).flat(),
]

/** Adds the branches of `source`, as those of the remote, and its tags: there may be more than fit into arguments. */
const allRefs = (source: string, own: string): string[][] =>
  [
    ['refs/heads', 'refs/remotes/origin/%(refname:lstrip=2)'],
    ['refs/tags', '%(refname)'],
  ].map(([from, name]) => [
    '/bin/sh',
    '-c',
    'exec git -c "safe.directory=*" -C "$1" for-each-ref "--format=%(objectname) $3" "$2" >>"$4/packed-refs"',
    'juanie',
    source,
    from!,
    name!,
    own,
  ])

const linesOf = (text = ''): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

/** Keeps everything but these folders, or with other patterns than folders these files, out of the work tree. */
const sparsely = (folder: string, lines: string[], coneMode: string | undefined): string[] => [
  '/bin/sh',
  '-c',
  'printf "%s\\n" "$3" | git -c "safe.directory=*" -c core.hooksPath=/dev/null -C "$1" sparse-checkout set "$2" --stdin',
  'juanie',
  folder,
  coneMode?.trim().toLowerCase() === 'false' ? '--no-cone' : '--cone',
  lines.join('\n'),
]

async function resolveRef(ref: string, { programs, source, signal }: Source): Promise<string> {
  const candidates =
    ref.startsWith('refs/') || /^[0-9a-f]{40}$/.test(ref) ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`]
  for (const candidate of candidates) {
    const found = await programs.git(
      ['-C', source, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${candidate}^{commit}`],
      {
        signal,
        acceptFailure: true,
      },
    )
    if (/^[0-9a-f]{40}\n$/.test(found)) return found.trim()
  }
  throw new CheckoutError(`ref: there is no branch, tag or commit "${ref}" in this repository.`)
}

/** A `path` must stay in the workspace. */
function inside(workspace: string, path: string): string {
  const folder = resolve(workspace, path)
  const way = relative(workspace, folder)
  if (way.startsWith('..') || way.startsWith(sep))
    throw new CheckoutError(`path: "${path}" leads out of the workspace.`)
  if (existsSync(join(folder, '.git'))) {
    throw new CheckoutError(
      'This folder holds a checkout already. Give the second one a path of its own: `with: { path: … }`.',
    )
  }
  return folder
}
