import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
} from 'node:fs'
import { join, sep } from 'node:path'
import { FunctionError } from './functions.ts'
import { compilePaths, type PathPattern } from './path-glob.ts'

/** hashFiles() runs while a step waits; these bounds keep one expression from holding up the agent. */
const hashLimits = { entries: 100_000, bytes: 1024 * 1024 * 1024 } as const

/**
 * SHA-256 over the SHA-256 of each file that matches, or '' when none does. Folders are walked in the order of their
 * bytes, patterns are judged in the order given (`!` takes away again), a pattern that names a folder means all that is
 * in it. Symbolic links to folders are not followed, those to files only while they stay below `root`.
 * Specification: the hashFiles function of GitHub's expression language and the glob package of its toolkit.
 */
export function hashFiles(root: string, patterns: string[]): string {
  const home = reading(root, () => realpathSync(root))
  const compiled = compilePaths(home, leading(patterns))
  const total = createHash('sha256')
  let found = false
  const budget = { entries: hashLimits.entries, bytes: hashLimits.bytes }
  for (const base of searchFolders(compiled)) {
    for (const file of walk(base, compiled, budget)) {
      const digest = fileDigest(home, file, budget)
      if (!digest) continue
      total.update(digest)
      found = true
    }
  }
  return found ? total.digest('hex') : ''
}

/** A first argument `--follow-symbolic-links` exists on GitHub; it would leave the workspace, so it is refused. */
function leading(patterns: string[]): string[] {
  if (patterns[0]?.startsWith('--')) throw new FunctionError(`hashFiles() does not know the option '${patterns[0]}'.`)
  return patterns.flatMap((each) => each.split('\n')).map((line) => line.trim())
}

/** Where to begin: the literal folders in front of the first wildcard, without those inside another. */
function searchFolders(patterns: PathPattern[]): string[] {
  const candidates = new Set(patterns.filter((each) => !each.negated).map((each) => each.base))
  return [...candidates].filter((base) => {
    for (let parent = parentOf(base); parent !== ''; parent = parentOf(parent)) {
      if (candidates.has(parent)) return false
    }
    return true
  })
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')))

function* walk(path: string, patterns: PathPattern[], budget: { entries: number }): Generator<string> {
  if (--budget.entries < 0) {
    throw new FunctionError(`hashFiles() looked at ${hashLimits.entries} files; use a narrower pattern.`)
  }
  let stat: ReturnType<typeof lstatSync>
  try {
    stat = lstatSync(path)
  } catch {
    return
  }
  if (!stat.isDirectory()) {
    if (patterns.reduce((taken, each) => (each.matches(path, false) ? !each.negated : taken), false)) yield path
    return
  }
  if (!patterns.some((each) => !each.negated && each.mayContain(path))) return
  // Byte order, as the C library's directory sort has it; JavaScript's default order differs beyond U+FFFF.
  const names = reading(path, () => readdirSync(path)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const name of names) yield* walk(join(path, name), patterns, budget)
}

/** Whether the file that was really opened lies in the workspace; only Linux can tell. */
function isBelow(handle: number, home: string): boolean {
  return process.platform !== 'linux' || readlinkSync(`/proc/self/fd/${handle}`).startsWith(home + sep)
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new FunctionError(`hashFiles() cannot read '${path}' (${(error as NodeJS.ErrnoException).code}).`)
  }
}

function fileDigest(home: string, file: string, budget: { bytes: number }): Buffer | null {
  let target: string
  try {
    target = realpathSync(file)
  } catch {
    return null
  }
  if (!target.startsWith(home + sep)) return null
  // A step may swap what lies there at any moment; opening a pipe must not wait for its other end.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = reading(file, () => openSync(target, flags))
  try {
    if (!fstatSync(handle).isFile() || !isBelow(handle, home)) return null
    const hash = createHash('sha256')
    const block = Buffer.allocUnsafe(256 * 1024)
    for (;;) {
      const read = readSync(handle, block, 0, block.length, null)
      if (read === 0) return hash.digest()
      budget.bytes -= read
      if (budget.bytes < 0) {
        throw new FunctionError('hashFiles() read more than 1 GiB; use a narrower pattern.')
      }
      hash.update(block.subarray(0, read))
    }
  } finally {
    closeSync(handle)
  }
}
