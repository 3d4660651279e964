import type { Readable } from 'node:stream'
import type { Database } from '@juanie/core/database'
import { AppError, messageOf } from '@juanie/core/errors'
import type { ProjectScope } from '@juanie/core/scope'
import { openZipEntry, readZip, type ZipEntry, ZipError, type ZipSource } from '@juanie/core/zip'
import { and, asc, desc, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm'
import { runArtifacts } from '../artifacts/tables.ts'
import { jobs, pipelineRuns } from '../runs/tables.ts'
import type { StoredFiles } from '../storage/index.ts'
import type { Coverage, FailedTest, ReportView, TestTotals, ViewReports } from './contract.ts'
import { readCobertura, readIstanbul, readLcov } from './coverage.ts'
import { type JUnitReport, maxFailures, readJUnit } from './junit.ts'
import { testReports } from './tables.ts'

const batch = 20
const maxEntries = 100_000
const maxFiles = 200
const maxFileBytes = 16 * 1024 * 1024
const maxBytes = 64 * 1024 * 1024
const maxProblems = 20
const maxReports = 200
const maxCompared = 100

interface Read {
  tests: TestTotals | null
  failures: FailedTest[]
  coverage: Coverage | null
  problems: string[]
}

/** Tests and coverage, from the reports in what a run uploaded. */
export class Reports {
  readonly #db: Database
  readonly #files: StoredFiles

  constructor(parts: { db: Database; files: StoredFiles }) {
    this.#db = parts.db
    this.#files = parts.files
  }

  /** Reads artifacts that nobody has looked at yet. Safe to repeat, at the same time too. */
  async readNew(): Promise<number> {
    const found = await this.#db
      .select({ artifact: runArtifacts, commit: pipelineRuns.commit })
      .from(runArtifacts)
      .innerJoin(pipelineRuns, eq(pipelineRuns.id, runArtifacts.runId))
      .leftJoin(testReports, eq(testReports.artifactId, runArtifacts.id))
      .where(and(isNotNull(runArtifacts.finishedAt), isNull(testReports.id)))
      .orderBy(asc(runArtifacts.id))
      .limit(batch)
    for (const { artifact, commit } of found) {
      const read = await this.#read(artifact.fileId)
      const { projectId, runId, id: artifactId, name, attempt } = artifact
      await this.#db
        .insert(testReports)
        .values({ projectId, runId, artifactId, name, attempt, commit, ...read })
        .onConflictDoNothing()
    }
    return found.length
  }

  /** Those of a run that hold something, the ones with failures first. */
  async view(scope: ProjectScope, { run }: ViewReports): Promise<ReportView[]> {
    const rows = await this.#db
      .select({ report: testReports, job: jobs.name })
      .from(testReports)
      .innerJoin(pipelineRuns, eq(pipelineRuns.id, testReports.runId))
      .innerJoin(runArtifacts, eq(runArtifacts.id, testReports.artifactId))
      .leftJoin(jobs, eq(jobs.id, runArtifacts.jobId))
      .where(
        and(
          eq(testReports.projectId, scope.projectId),
          typeof run === 'number' ? eq(pipelineRuns.number, run) : eq(pipelineRuns.id, run),
          sql`(${testReports.tests} is not null or ${testReports.coverage} is not null or ${testReports.problems} <> '[]')`,
        ),
      )
      .orderBy(desc(testReports.id))
      .limit(maxReports)
    const flaky = await this.#passedElsewhere(
      scope,
      rows.map(({ report }) => report),
    )
    return rows
      .map(({ report, job }) => ({
        artifact: report.name,
        job,
        attempt: report.attempt,
        tests: report.tests,
        failures: report.failures.map((each) => ({ ...each, isFlaky: flaky(report, each) })),
        coverage: report.coverage,
        problems: report.problems,
      }))
      .sort((a, b) => (b.tests?.failed ?? 0) - (a.tests?.failed ?? 0))
  }

  /** Whether on the same commit another report of that name does not list the test among its failures. */
  async #passedElsewhere(scope: ProjectScope, reports: (typeof testReports.$inferSelect)[]) {
    const failed = reports.filter(({ failures }) => failures.length > 0)
    const others =
      failed.length === 0
        ? []
        : await this.#db
            .select()
            .from(testReports)
            .where(
              and(
                eq(testReports.projectId, scope.projectId),
                inArray(testReports.commit, [...new Set(failed.map(({ commit }) => commit))]),
                inArray(testReports.name, [...new Set(failed.map(({ name }) => name))]),
                isNotNull(testReports.tests),
              ),
            )
            .orderBy(desc(testReports.id))
            .limit(maxCompared)
    const known = others.map((other) => ({ other, names: new Set(other.failures.map(keyOf)) }))
    return (report: typeof testReports.$inferSelect, test: FailedTest): boolean =>
      known.some(
        ({ other, names }) =>
          other.id !== report.id &&
          other.commit === report.commit &&
          other.name === report.name &&
          // A list that was cut says nothing of what is not in it.
          other.failures.length < maxFailures &&
          !names.has(keyOf(test)),
      )
  }

  async #read(fileId: string): Promise<Read> {
    const read: Read = { tests: null, failures: [], coverage: null, problems: [] }
    const say = (sentence: string) => {
      if (read.problems.length < maxProblems) read.problems.push(sentence.slice(0, 500))
    }
    try {
      const source = await this.#source(fileId)
      if (!source) return read
      let bytes = 0
      const entries = await readZip(source, { maxEntries })
      for (const entry of entries.filter(isReport).slice(0, maxFiles)) {
        bytes += entry.bytes
        if (entry.bytes > maxFileBytes || bytes > maxBytes) {
          say(`${entry.path} is too large to be read.`)
          continue
        }
        try {
          take(read, entry.path, await textOf(await openZipEntry(source, entry)))
        } catch (error) {
          say(`${entry.path} cannot be read: ${messageOf(error)}.`)
        }
      }
    } catch (error) {
      // A single file, which is no archive, holds no reports that anybody asked for.
      if (error instanceof AppError && error.code !== 'unavailable') say(error.message)
      else if (!(error instanceof ZipError)) throw error
      else if (!error.message.includes('no zip')) say(`The archive ${error.message}`)
    }
    return read
  }

  async #source(fileId: string): Promise<ZipSource | null> {
    const file = await this.#files.read(fileId)
    if (!file) return null
    const stream = async (start: number, end: number): Promise<Readable> => {
      const part = await this.#files.read(fileId, () => ({ start, end }))
      if (!part) throw new ZipError('is gone.')
      return part.content()
    }
    return {
      bytes: file.bytes,
      read: async (start, end) => Buffer.concat(await chunksOf(await stream(start, Math.min(end, file.bytes)))),
      stream,
    }
  }
}

const isReport = ({ path, isFolder }: ZipEntry): boolean =>
  !isFolder && /(\.xml|(^|\/)lcov\.info|(^|\/)coverage-summary\.json)$/i.test(path)

function take(read: Read, path: string, text: string): void {
  if (/lcov\.info$/i.test(path)) read.coverage = sum(read.coverage, readLcov(text))
  else if (/\.json$/i.test(path)) read.coverage = sum(read.coverage, readIstanbul(text))
  else {
    const report = readJUnit(text)
    if (report) addTests(read, report)
    else read.coverage = sum(read.coverage, readCobertura(text))
  }
}

function addTests(read: Read, { totals, failures }: JUnitReport): void {
  const before = read.tests ?? { passed: 0, failed: 0, skipped: 0, durationMs: 0 }
  read.tests = {
    passed: before.passed + totals.passed,
    failed: before.failed + totals.failed,
    skipped: before.skipped + totals.skipped,
    durationMs: before.durationMs + totals.durationMs,
  }
  read.failures.push(...failures.slice(0, maxFailures - read.failures.length).map(storable))
}

/** PostgreSQL has no NUL in its texts. */
const storable = (test: FailedTest): FailedTest => JSON.parse(JSON.stringify(test).replaceAll('\\u0000', '\uFFFD'))

const sum = (a: Coverage | null, b: Coverage | null): Coverage | null =>
  a && b ? { linesTotal: a.linesTotal + b.linesTotal, linesCovered: a.linesCovered + b.linesCovered } : (a ?? b)

const keyOf = ({ suite, name, file }: FailedTest): string => JSON.stringify([suite, name, file])

const textOf = async (content: Readable): Promise<string> => Buffer.concat(await chunksOf(content)).toString('utf8')

async function chunksOf(content: Readable): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of content as AsyncIterable<Buffer>) chunks.push(chunk)
  return chunks
}
