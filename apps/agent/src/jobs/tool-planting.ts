import {
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { StepUser } from './folders.ts'

/** A Node.js of this host that actions find where those of GitHub's runners lie. */
export interface SeedNode {
  /** Without a `v`. */
  version: string
  node: string
  /** Folder of the package `npm`; null when this host has none that jobs may read. */
  npm: string | null
}

const mostFiles = 2_000_000
const mostScriptBytes = 65_536

/**
 * Puts tools into a new tool cache. Folders become the step user's own, so that `pip install` and `npm install -g` work
 * in them. A file is shared with the original where the step's user cannot write to it, and is a copy otherwise. Works
 * through one folder at a time without waiting, which is many times faster, and lets others have their turn in between.
 */
export class Planting {
  readonly #parts: { user: StepUser | null; made: string; final: string }
  #files = 0

  /** `made` is the tool cache, which will be moved to `final`. */
  constructor(parts: { user: StepUser | null; made: string; final: string }) {
    this.#parts = parts
  }

  /** Both are folders of one version, with a folder for each processor in them. */
  async tool(from: string, to: string): Promise<void> {
    this.#folder(to)
    await this.#tree(realpathSync(join(from, process.arch)), join(to, process.arch))
    this.#complete(to)
  }

  async node({ node, npm }: SeedNode, to: string): Promise<void> {
    const tree = join(to, process.arch)
    const bin = join(tree, 'bin')
    this.#folder(bin)
    const program = realpathSync(node)
    // As a symbolic link it would install packages beside the original, where no step may write.
    if (!isLinked(program, join(bin, 'node'))) this.#link(program, join(bin, 'node'))
    if (npm) {
      const modules = join(tree, 'lib', 'node_modules')
      this.#folder(modules)
      await this.#tree(realpathSync(npm), join(modules, 'npm'))
      for (const name of ['npm', 'npx']) this.#link(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name))
    }
    this.#complete(to)
  }

  #complete(version: string): void {
    const file = join(version, `${process.arch}.complete`)
    writeFileSync(file, '')
    this.#own(file)
  }

  async #tree(root: string, into: string, inner = ''): Promise<void> {
    const [from, to] = [join(root, inner), join(into, inner)]
    this.#folder(to)
    const entries = readdirSync(from, { withFileTypes: true })
    this.#files += entries.length
    if (this.#files > mostFiles) throw new Error(`The tools have more than ${mostFiles} files.`)
    for (const entry of entries) {
      const [path, copy] = [join(from, entry.name), join(to, entry.name)]
      if (entry.isSymbolicLink()) {
        const target = readlinkSync(path)
        this.#link(target.startsWith(root + sep) ? this.#later(into) + target.slice(root.length) : target, copy)
      } else if (entry.isFile()) {
        if (inner !== 'bin' || !this.#script(path, copy, root, into)) this.#file(path, copy)
      }
    }
    await setImmediate()
    for (const entry of entries) if (entry.isDirectory()) await this.#tree(root, into, join(inner, entry.name))
  }

  /** A script that names the interpreter beside it, as that of pip does, names the one that now is beside it. */
  #script(path: string, copy: string, root: string, into: string): boolean {
    const { size, mode } = statSync(path)
    if (size > mostScriptBytes) return false
    const text = readFileSync(path, 'latin1')
    const wanted = `#!${root}${sep}`
    if (!text.startsWith(wanted)) return false
    writeFileSync(copy, `#!${this.#later(into)}${sep}${text.slice(wanted.length)}`, {
      encoding: 'latin1',
      mode: mode & 0o755,
    })
    this.#own(copy)
    return true
  }

  #file(path: string, copy: string): void {
    const { user } = this.#parts
    const { uid, mode } = statSync(path)
    if (user !== null && uid !== user.uid && (mode & 0o022) === 0 && isLinked(path, copy)) return
    copyFileSync(path, copy, constants.COPYFILE_FICLONE)
    this.#own(copy)
  }

  #link(target: string, path: string): void {
    symlinkSync(target, path)
    this.#own(path)
  }

  /** With those above it that are not there yet. */
  #folder(path: string): void {
    const first = mkdirSync(path, { recursive: true, mode: 0o755 })
    if (first === undefined) return
    for (let each = path; each.length >= first.length; each = dirname(each)) this.#own(each)
  }

  #later(path: string): string {
    const { made, final } = this.#parts
    return final + path.slice(made.length)
  }

  #own(path: string): void {
    const { user } = this.#parts
    if (user) lchownSync(path, user.uid, user.gid)
  }
}

/** Not across file systems, and not of another's file where the agent is not root. */
function isLinked(path: string, copy: string): boolean {
  try {
    linkSync(path, copy)
    return true
  } catch {
    return false
  }
}
