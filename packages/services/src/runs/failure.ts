import { type Database, maybeOne } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import type { ProjectScope } from '@juanie/core/scope'
import { and, desc, eq, sql } from 'drizzle-orm'
import type { AnnotationView, RunFailure, ViewRun } from './contract.ts'
import { faultOf, firstFailuresOf } from './listed.ts'
import type { LogStreams, StoredLines } from './logs.ts'
import { annotations, pipelineRuns } from './tables.ts'

/** So many of the last lines are looked through for the one that says why. */
const looked = 200
const maxReads = 60
const linesBefore = 3
const linesAfter = 8
const maxText = 500

/** Says of runs that failed what failed first, and shows the lines of its log that say why. */
export class RunFailures {
  readonly #db: Database
  readonly #logs: Pick<LogStreams, 'read'>

  constructor(parts: { db: Database; logs: Pick<LogStreams, 'read'> }) {
    this.#db = parts.db
    this.#logs = parts.logs
  }

  /** Null when no job of that attempt failed. */
  async view(scope: ProjectScope, input: ViewRun): Promise<RunFailure | null> {
    const run = await maybeOne(
      this.#db
        .select({ id: pipelineRuns.id })
        .from(pipelineRuns)
        .where(
          and(
            eq(pipelineRuns.projectId, scope.projectId),
            typeof input.run === 'number' ? eq(pipelineRuns.number, input.run) : eq(pipelineRuns.id, input.run),
          ),
        ),
    )
    if (!run) throw notFound('run')
    const [first] = await firstFailuresOf(this.#db, [run.id], input.attempt)
    if (!first) return null
    const annotation = first.stepId ? await this.#annotation(first.stepId) : null
    const last = first.lines ?? 0
    // An annotation knows its line; it may be far before the end.
    const after = annotation ? Math.max(0, annotation.logLine - 1 - linesBefore) : Math.max(0, last - looked)
    const wanted = annotation ? linesBefore + 1 + linesAfter : looked
    const lines = first.stepId && last > 0 ? await this.#read(first.stepId, after, wanted) : []
    // The agent ends the log of a failed step with the reason that is said anyway.
    const said = lines.filter(({ text }) => text !== `##[error]${first.stepReason}`)
    const shown = annotation ? { lines: said, point: annotation.logLine } : around(said)
    return {
      ...faultOf(first),
      jobId: first.jobId,
      status: first.status,
      place: first.place,
      annotation,
      lines: shown.lines.map(({ number, text }) => ({ number, text: text.slice(0, maxText) })),
      point: shown.lines.some(({ number }) => number === shown.point) ? shown.point : null,
    }
  }

  #annotation(stepId: string): Promise<AnnotationView | null> {
    return maybeOne(
      this.#db
        .select({
          level: annotations.level,
          message: sql<string>`left(${annotations.message}, 4000)`,
          title: annotations.title,
          file: annotations.file,
          line: annotations.line,
          column: annotations.column,
          logLine: annotations.logLine,
        })
        .from(annotations)
        .where(and(eq(annotations.stepId, stepId), eq(annotations.level, 'error')))
        .orderBy(desc(annotations.id))
        .limit(1),
    )
  }

  async #read(streamId: string, after: number, wanted: number): Promise<Line[]> {
    const lines: Line[] = []
    for (let read = 0, at = after; read < maxReads && lines.length < wanted; read++) {
      const chunks = await this.#logs.read(streamId, at)
      if (chunks.length === 0) break
      for (const chunk of chunks) lines.push(...linesOf(chunk))
      at = chunks.at(-1)!.lastSeq
    }
    return lines.slice(0, wanted)
  }
}

interface Line {
  number: number
  text: string
}

const linesOf = ({ firstSeq, lines }: StoredLines): Line[] =>
  (JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as [number, string][]).map(([, text], index) => ({
    number: firstSeq + index,
    text,
  }))

/** What the agent says itself at the end of a step that failed: it repeats what is known, and says nothing of why. */
const isOwnWord = (text: string): boolean => text.startsWith('##[error]')

const colours = /\x1b\[[0-9;]*m/g

/** Lines that say why by their form: what compilers, runners of tests, package managers and shells print. */
const reasons = [
  // `AssertionError [ERR_ASSERTION]: 2 == 3`, `ValueError: no`, `error: '2 == 3'`, `panic: …`
  /^\s*(uncaught )?([\w.]*(error|exception)|fatal|panic)( ?\[\w+\])?: \S/i,
  // `src/a.ts(3,1): error TS2304: …`, `a.c:1:2: error: …`, `./x.go:3:12: undefined: y`
  /\berror( TS\d+)?: \S/,
  /^(vet: )?[\w@./-]+\.\w{1,5}:\d+:\d+: (?!warning|note|info)\S/,
  // pytest, Go, Jest, ESLint
  /^E {3,}\S/,
  /^\s+\w+_test\.go:\d+: /,
  /^\s+expect\(.*\)\./,
  /^\s+\d+:\d+\s+error\s/,
  /^npm (error|ERR!) (?!code\b|errno\b|syscall\b|path\b|dest\b|A complete log|Lifecycle script|command\b|workspace\b|location\b)\S/,
  /: (command )?not found$/,
]
/** How test runners, compilers and shells begin to say that something failed. */
const complaint =
  /\b(\w*error|fail(ed|ure)?|fatal|panic|\w*exception|traceback|unhandled|not found|no such file|cannot|could not|denied|refused|unexpected|missing|assert\w*)\b|✗|✕|✖|×|npm ERR!/i
/** Lines that only count: `0 errors`, `Errors: 0`, `no failures`. */
const harmless = /\b(0|no) (errors?|fail(ed|ures?)?)\b|\b(errors?|fail(ed|ures?)?):? 0\b/i
/** What is named after failures and did not fail: tests that passed or begin, warnings, commands that are repeated. */
const passing =
  /^\s*(ok \d+|[✓✔√]|PASS\b|=== RUN|--- (PASS|SKIP)|# Subtest|npm warn|warning\b|\+ |> |##\[(group|command)\])|\bPASSED\b/

/** The last lines of a step, from shortly before the one that says why it failed; without any, the very last ones. */
export function around(lines: Line[]): { lines: Line[]; point: number | null } {
  const said = lines.filter(({ text }) => !isOwnWord(text))
  const suspects = suspectsOf(said.map(({ text }) => text.replaceAll(colours, '')))
  const why = suspects.findIndex((text) => text !== null && reasons.some((reason) => reason.test(text)))
  const index = why >= 0 ? why : suspects.findIndex((text) => text !== null && complaint.test(text))
  if (index < 0) {
    const last = said.findLast(({ text }) => text.trim() !== '')
    return { lines: said.slice(-(linesBefore + 1 + linesAfter)), point: last?.number ?? null }
  }
  return {
    lines: said.slice(Math.max(0, index - linesBefore), index + 1 + linesAfter),
    point: said[index]!.number,
  }
}

/** The texts that may say why; null for one that does not. What a test of Go logs counts only where the test failed. */
function suspectsOf(texts: string[]): (string | null)[] {
  const suspects: (string | null)[] = texts.map((text) => (harmless.test(text) || passing.test(text) ? null : text))
  let begun = 0
  texts.forEach((text, index) => {
    if (text.startsWith('=== RUN')) begun = index
    if (/^--- (PASS|SKIP)/.test(text)) suspects.fill(null, begun, index)
  })
  return suspects
}
