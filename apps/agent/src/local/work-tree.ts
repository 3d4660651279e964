import { execFile } from 'node:child_process'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { runGit } from '@juanie/core/git/run-git'
import { StartError } from '@juanie/core/start-error'

const run = promisify(execFile)
const askLimitMs = 10_000
const copyLimitMs = 10 * 60_000

/** A working tree as it stands now, in a bare repository of its own. */
export interface WorkTree {
  /** The bare repository. */
  repository: string
  /** What is checked out: the commit of the tree, with what is not committed yet on top of it. */
  commit: string
  /** The commit of the tree; before the first one, the same as `commit`. */
  head: string
  before: string | null
  isDirty: boolean
  ref: string
  defaultBranch: string
  /** Of the remote `origin`, else made of the folder's name. */
  owner: string
  name: string
  /** Without credentials. */
  origin: string | null
  committer: { name: string; email: string }
  tree: string
  message: string
  author: { name: string; email: string }
  committedAt: string
}

/**
 * Copies the repository of a working tree into `repository` and commits there what lies in the tree: changes that are
 * not committed and files that are not ignored, too. Nothing is written to the tree or its own repository.
 */
export async function copyWorkTree(root: string, repository: string): Promise<WorkTree> {
  const own = (...args: string[]) => ask(root, args)
  const [head, symbolic, tag, originHead, url, name, email, excludes, index] = await Promise.all([
    own('rev-parse', '--verify', '--quiet', 'HEAD^{commit}'),
    own('symbolic-ref', '--quiet', 'HEAD'),
    own('describe', '--tags', '--exact-match', 'HEAD'),
    own('symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD'),
    own('config', 'remote.origin.url'),
    own('config', 'user.name'),
    own('config', 'user.email'),
    own('config', '--path', 'core.excludesFile'),
    own('rev-parse', '--git-path', 'index'),
  ])
  await copyRepository(root, repository)
  const excluded = await own('rev-parse', '--git-path', 'info/exclude')
  if (excluded) await copyFile(resolve(root, excluded), join(repository, 'info', 'exclude')).catch(() => {})
  const tree = await writeTree(root, repository, { index: index && resolve(root, index), excludes })
  const headTree = head && (await inCopy(repository, ['rev-parse', `${head}^{tree}`]))
  const isDirty = head === null || tree !== headTree
  const committer = { name: name ?? 'Juanie', email: email ?? 'juanie@localhost' }
  const commit = isDirty ? await commitTree(repository, { tree, parent: head, committer }) : head
  const ref = symbolic ?? (tag ? `refs/tags/${tag}` : 'refs/juanie/detached')
  // So that a checkout of the branch by its name is the working tree, too.
  await inCopy(repository, ['update-ref', '--no-deref', ref, commit])
  const shown = head ?? commit
  const [message = '', authorName = '', authorEmail = '', committedAt = '', before] = (
    await inCopy(repository, ['log', '-1', '--format=%B%x00%an%x00%ae%x00%cI%x00%P', shown])
  ).split('\0')
  return {
    repository,
    commit,
    head: shown,
    before: before?.split(' ')[0] || null,
    isDirty: head !== null && isDirty,
    ref,
    defaultBranch: originHead?.replace(/^origin\//, '') ?? symbolic?.replace('refs/heads/', '') ?? 'main',
    ...namesOf(url, root),
    committer,
    tree,
    message: message.trimEnd(),
    author: { name: authorName, email: authorEmail },
    committedAt,
  }
}

/** Null where git has no answer. It runs with the person's own configuration, as every git in that tree does. */
async function ask(root: string, args: string[]): Promise<string | null> {
  try {
    const { stdout } = await run('git', ['-C', root, ...args], { timeout: askLimitMs })
    return stdout.trim() || null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new StartError('There is no git on this machine; install it.', { cause: error })
    }
    return null
  }
}

const inCopy = async (repository: string, args: string[], options: Parameters<typeof runGit>[2] = {}) =>
  (await runGit(repository, args, options)).stdout.toString('utf8').trim()

/** Its objects are shared by hard links where both lie on one disk, unless programs of another user are to read them. */
async function copyRepository(root: string, repository: string): Promise<void> {
  const isOthers = process.getuid?.() === 0
  await runGit(
    root,
    ['clone', '--quiet', '--bare', ...(isOthers ? ['--no-hardlinks'] : []), '--template=', '--', root, repository],
    { timeoutMs: copyLimitMs, settings: { 'protocol.file.allow': 'always' } },
  )
  await runGit(repository, ['config', 'gc.auto', '0'])
  await mkdir(join(repository, 'info'), { recursive: true })
}

/** With the tree's own index to begin with, git looks only at the files that changed. */
async function writeTree(
  root: string,
  repository: string,
  { index, excludes }: { index: string | null; excludes: string | null },
): Promise<string> {
  const own = join(repository, 'index')
  const options = {
    env: { GIT_INDEX_FILE: own },
    timeoutMs: copyLimitMs,
    settings: excludes ? { 'core.excludesFile': excludes } : usualExcludes(),
  }
  const add = () => runGit(root, ['--git-dir', repository, '--work-tree', root, 'add', '--all', '--', '.'], options)
  const copied =
    index !== null &&
    (await copyFile(index, own).then(
      () => true,
      () => false,
    ))
  try {
    await add()
  } catch (error) {
    if (!copied) throw error
    // An index may be in pieces that lie elsewhere.
    await rm(own, { force: true })
    await add()
  }
  return inCopy(repository, ['write-tree'], options)
}

/** Where git looks for what is ignored everywhere, when nothing else is said. */
function usualExcludes(): Record<string, string> {
  const { XDG_CONFIG_HOME: config, HOME: home } = process.env
  const folder = config || (home && join(home, '.config'))
  return folder ? { 'core.excludesFile': join(folder, 'git', 'ignore') } : {}
}

function commitTree(
  repository: string,
  { tree, parent, committer }: { tree: string; parent: string | null; committer: { name: string; email: string } },
): Promise<string> {
  const { name, email } = committer
  return inCopy(repository, ['commit-tree', tree, ...(parent ? ['-p', parent] : [])], {
    input: 'The working tree, with what is not committed yet\n',
    env: { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email },
  })
}

/** `owner/name` from any address that git takes. */
function namesOf(url: string | null, root: string): Pick<WorkTree, 'owner' | 'name' | 'origin'> {
  const [, owner, name] = /([^/:\s]+)\/([^/:\s]+?)(?:\.git)?\/*$/.exec(url ?? '') ?? []
  const origin = url && URL.canParse(url) ? withoutCredentials(url) : url
  if (owner && name) return { owner, name, origin }
  return { owner: 'local', name: basename(root).replace(/[^\w.-]/g, '-') || 'work', origin }
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url)
  parsed.username = ''
  parsed.password = ''
  return parsed.href
}
