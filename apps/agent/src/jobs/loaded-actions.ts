import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { ActionAnswer } from '@juanie/services/hosts/contract'
import { type Action, type ActionRef, actionFileNames, parseAction, parseActionRef, type Step } from '@juanie/workflow'
import type { JobRunParts } from './job-parts.ts'
import type { ActionTree } from './step-scope.ts'

const maxFileBytes = 1024 * 1024
/** As many composite actions may lie in each other; GitHub allows as many. */
export const maxDepth = 10
/** Steps of all composite actions around each other would otherwise multiply without end. */
const maxLoaded = 500

/** What a person can mend: the message says what and where. */
export class ActionError extends Error {}

export interface LoadedAction {
  action: Action
  /** Where its `action.yml` lies. */
  folder: string
  /** Null for one in the workspace. */
  tree: ActionTree | null
}

/** Where a step that uses an action was written. */
export interface UsedFrom {
  /** What `$/` stands for; null: the repository of the job. */
  tree: ActionTree | null
  depth: number
}

type Say = (line: string) => void

/** The actions of one job: resolved by the server, unpacked on this host, and read. */
export class LoadedActions {
  readonly #parts: JobRunParts
  readonly #answers = new Map<string, Extract<ActionAnswer, { kind: 'found' }>>()
  readonly #trees = new Map<string, ActionTree>()
  #self: Promise<ActionTree> | null = null
  #loaded = 0

  constructor(parts: JobRunParts) {
    this.#parts = parts
  }

  /**
   * Gets everything that these steps use before the first of them runs, also what composite actions use in turn.
   * Actions in the workspace are left to the moment at which their step runs. Throws `ActionError`.
   */
  async prepare(steps: readonly Step[], from: UsedFrom, io: { say: Say; signal: AbortSignal }): Promise<void> {
    const using = steps.flatMap((step) => (step.kind === 'uses' ? [step] : []))
    const refs = using.map((step) => ({ step, ref: parseActionRef(step.uses) }))
    await this.#resolve(
      refs.flatMap(({ ref, step }) => (ref?.kind === 'remote' ? [step.uses] : [])),
      io,
    )
    for (const { step, ref } of refs) {
      if (!ref || ref.kind === 'local') continue
      try {
        const loaded = await this.load(ref, step.uses, from, io)
        const { runs } = loaded.action
        if (runs.using === 'docker') throw needsDocker(step.uses)
        if (runs.using === 'composite') {
          await this.prepare(runs.steps, { tree: loaded.tree, depth: this.#deeper(from, step.uses) }, io)
        }
      } catch (error) {
        if (!(error instanceof ActionError) || from.depth > 0) throw error
        const { line, column } = step.position
        throw new ActionError(`${this.#file()} line ${line}, column ${column}: ${error.message}`)
      }
    }
  }

  /** One action, read now. */
  async load(
    ref: ActionRef,
    uses: string,
    from: UsedFrom,
    io: { say: Say; signal: AbortSignal },
  ): Promise<LoadedAction> {
    if (++this.#loaded > maxLoaded) throw new ActionError(`The job uses more than ${maxLoaded} actions.`)
    if (ref.kind === 'docker') throw needsDocker(uses)
    if (ref.kind === 'local') {
      const { workspace } = this.#parts.folders
      const folder = resolve(workspace, ref.path)
      if (folder !== workspace && !folder.startsWith(workspace + sep))
        throw new ActionError(`'${uses}' leads out of the workspace.`)
      return { action: readAction(folder, workspace, uses), folder, tree: null }
    }
    const tree = ref.kind === 'self' ? (from.tree ?? (await this.#own(io.signal))) : await this.#tree(ref, uses, io)
    const folder = join(tree.root, ref.path)
    return { action: readAction(folder, tree.root, uses), folder, tree }
  }

  #deeper({ depth }: UsedFrom, uses: string): number {
    if (depth + 1 > maxDepth) throw new ActionError(`'${uses}' lies in more than ${maxDepth} composite actions.`)
    return depth + 1
  }

  #file(): string {
    const [, file = 'The workflow'] =
      /^[^/]+\/[^/]+\/(.+)@/.exec(String(this.#parts.job.contexts.github.workflow_ref)) ?? []
    return file
  }

  async #resolve(uses: string[], { say, signal }: { say: Say; signal: AbortSignal }): Promise<void> {
    const open = [...new Set(uses)].filter((each) => !this.#answers.has(each))
    if (open.length === 0) return
    const { job, fence, upstream } = this.#parts
    const answers = await upstream.resolveActions({ jobId: job.jobId, fence, uses: open }, signal)
    for (const [index, answer] of answers.entries()) {
      const each = open[index]!
      if (answer.kind === 'refused') throw new ActionError(`${each}: ${answer.reason}`)
      if (answer.notice) say(`##[warning]${answer.notice}`)
      this.#answers.set(each, answer)
    }
  }

  async #tree(
    ref: Extract<ActionRef, { kind: 'remote' }>,
    uses: string,
    io: { say: Say; signal: AbortSignal },
  ): Promise<ActionTree> {
    await this.#resolve([uses], io)
    const { owner, name, commit } = this.#answers.get(uses)!
    const key = `${owner}/${name} ${commit} ${ref.ref}`
    const known = this.#trees.get(key)
    if (known) return known
    const { job, fence, upstream, trees } = this.#parts
    io.say(`Download action repository '${owner}/${name}@${ref.ref}' (SHA:${commit})`)
    const root = await trees.tree({ owner, name, commit }, (file) =>
      upstream.downloadAction({ jobId: job.jobId, fence }, { owner, name, commit }, file, io.signal),
    )
    const tree = { root, repository: `${owner}/${name}`, ref: ref.ref }
    this.#trees.set(key, tree)
    return tree
  }

  /** The job's own repository at its commit, for `$/`, without a checkout. */
  #own(signal: AbortSignal): Promise<ActionTree> {
    this.#self ??= this.#makeOwn(signal)
    return this.#self
  }

  async #makeOwn(signal: AbortSignal): Promise<ActionTree> {
    const { job, folders, programs } = this.#parts
    const source = await this.#parts.source(signal)
    const root = join(folders.files, 'own-repository')
    mkdirSync(join(folders.files), { recursive: true })
    await programs.git(
      ['--git-dir', source, '--work-tree', root, 'checkout', '--quiet', job.repository.commit, '--', '.'],
      { signal, before: [['mkdir', '-p', root]], env: { GIT_INDEX_FILE: join(folders.files, 'own-repository.index') } },
    )
    const { repository, ref_name: name } = job.contexts.github
    return { root, repository: String(repository ?? ''), ref: String(name ?? job.repository.ref) }
  }
}

const needsDocker = (uses: string) =>
  new ActionError(`'${uses}' runs in a container, which needs the Docker executor; do the same in a run step.`)

/** Reads the file of an action that may have been put there by a step: a link must not lead out of `root`. */
function readAction(folder: string, root: string, uses: string): Action {
  for (const name of actionFileNames) {
    const text = readInside(join(folder, name), root)
    if (text === null) continue
    const { action, problems } = parseAction(text, `${uses}/${name}`)
    if (action) return action
    const { file, position, message } = problems.find(({ severity }) => severity === 'error')!
    throw new ActionError(`${file} line ${position?.line ?? 1}, column ${position?.column ?? 1}: ${message}`)
  }
  if (existsSync(join(folder, 'Dockerfile'))) throw needsDocker(uses)
  const hint = uses.startsWith('./') ? ' A step with actions/checkout must stand before it.' : ''
  throw new ActionError(`There is no action.yml in '${uses}'.${hint}`)
}

function readInside(file: string, root: string): string | null {
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return null
  }
  try {
    const stat = fstatSync(descriptor)
    const real = process.platform === 'linux' ? readlinkSync(`/proc/self/fd/${descriptor}`) : realpathSync(file)
    if (!stat.isFile() || !real.startsWith(realpathSync(root) + sep)) return null
    if (stat.size > maxFileBytes) throw new ActionError(`${file} is larger than 1 MiB.`)
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}
