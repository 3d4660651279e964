import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { isAbsolute, join, posix, relative, resolve } from 'node:path'
import { createContext, Script } from 'node:vm'
import { type MatchedProblem, ProblemMatchers, readMatchers } from '@juanie/workflow'

/** All lines of one turn together; a line that is honest takes microseconds. */
const turnMs = 250
const maxFileBytes = 256 * 1024
/** As many as a person reads of one job; an honest tool that finds more says so itself. */
const maxProblems = 500

/** A line of output, already masked. */
export interface OutputLine {
  text: string
  number: number
}

interface Parts {
  workspace: string
  /** Folders whose files a step may name. */
  readable: string[]
}

/** A problem in the form of an annotation; `file` is relative to the workspace where it lies there. */
export interface FoundProblem extends Omit<MatchedProblem, 'fromPath'> {
  logLine: number
}

/**
 * The problem matchers of one job. Lines are looked at a turn at a time, and a matcher that takes too long is stopped
 * and forgotten: its expressions come from the repository, and one can be written that never ends.
 */
export class JobMatchers {
  readonly #parts: Parts
  readonly #matchers = new ProblemMatchers()
  #count = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Answers what is wrong with the file, if anything is. */
  add(file: string): string | null {
    try {
      this.#matchers.add(readMatchers(this.#read(file)))
      return null
    } catch (error) {
      return `The problem matchers in ${file} are not used: ${(error as Error).message}.`
    }
  }

  /** By its owner, or all of a file. */
  remove(named: { owner: string } | { file: string }): string | null {
    try {
      const owners = 'owner' in named ? [named.owner] : readMatchers(this.#read(named.file)).map(({ owner }) => owner)
      for (const owner of owners) this.#matchers.remove(owner)
      return null
    } catch (error) {
      return `No problem matcher is removed: ${(error as Error).message}.`
    }
  }

  get isIdle(): boolean {
    return this.#matchers.isEmpty || this.#count >= maxProblems
  }

  /** What these lines of one step hold, and sentences about matchers that were stopped. */
  turn(lines: OutputLine[]): { problems: FoundProblem[]; warnings: string[] } {
    const problems: FoundProblem[] = []
    const warnings: string[] = []
    for (let next = 0; next < lines.length && !this.isIdle; ) {
      const isDone = bounded(turnMs, () => {
        while (next < lines.length && this.#count < maxProblems) {
          const { text, number } = lines[next]!
          const found = this.#matchers.push(text)
          next++
          if (!found) continue
          this.#count++
          problems.push(this.#placed(found, number))
        }
      })
      if (isDone) continue
      const owner = this.#matchers.current
      if (owner === null) break
      this.#matchers.remove(owner)
      warnings.push(`The problem matcher "${owner}" took too long and is no longer used.`)
    }
    return { problems, warnings }
  }

  /** Another step begins. */
  reset(): void {
    this.#matchers.reset()
  }

  #placed({ fromPath, file, ...problem }: MatchedProblem, logLine: number): FoundProblem {
    if (file === null) return { ...problem, file, logLine }
    const { workspace } = this.#parts
    const base = fromPath === null ? workspace : resolve(workspace, posix.dirname(fromPath))
    const inside = relative(workspace, resolve(base, file))
    const isInside = inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)
    return { ...problem, file: (isInside ? inside : file).slice(0, 4_096), logLine }
  }

  /**
   * The agent reads what a step may not be able to, so it looks where the file really lies after it is open, and says
   * nothing of its content.
   */
  #read(file: string): string {
    const path = resolve(this.#parts.workspace, file)
    let descriptor: number
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch {
      throw new Error('it cannot be read')
    }
    try {
      const real = readlinkSync(`/proc/self/fd/${descriptor}`)
      if (!this.#parts.readable.some((folder) => real.startsWith(join(realOf(folder), '/')))) {
        throw new Error('it lies outside of the folders of the job')
      }
      const stat = fstatSync(descriptor)
      if (!stat.isFile() || stat.size > maxFileBytes) throw new Error(`it is no file of at most ${maxFileBytes} bytes`)
      return readFileSync(descriptor, 'utf8')
    } finally {
      closeSync(descriptor)
    }
  }
}

/** The home may be reached over a link. */
function realOf(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder
  }
}

const context = createContext({ run: null as (() => void) | null })
const script = new Script('run()')

/** False when it was stopped in the middle because its time was over, which works in a regular expression too. */
function bounded(limitMs: number, run: () => void): boolean {
  context.run = run
  try {
    script.runInContext(context, { timeout: limitMs })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
    throw error
  } finally {
    context.run = null
  }
}
