import { type Database, isUniqueViolation, maybeOne } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { and, desc, eq, gt, isNotNull, sql } from 'drizzle-orm'
import type { JobCaller } from '../runs/index.ts'
import type { StoredFiles } from '../storage/index.ts'
import { runArtifacts } from './tables.ts'

/** As GitHub has them: https://docs.github.com/en/actions/reference/limits. */
const maxPerJob = 500
const maxNameLength = 260
/** No file system of a runner takes these in a name, and a terminal acts on control characters. */
const forbidden = /[":<>|*?\\/\p{Cc}]/u
/** A name is that of a folder once it is downloaded: these would lead out of where it is put, or be read by git. */
const reserved = /^\.{1,2}$|^\.git$/i
const maxListed = 1_000
const dayMs = 24 * 3_600_000

interface Limits {
  maxBytes: number
  keepDays: number
}

/** The artifacts of a run, as its jobs write and read them. */
export class JobArtifacts {
  readonly #db: Database
  readonly #files: StoredFiles
  readonly #limits: Limits

  constructor(parts: { db: Database; files: StoredFiles; limits: Limits }) {
    this.#db = parts.db
    this.#files = parts.files
    this.#limits = parts.limits
  }

  /** Begins an upload; answers the file that it goes to. Nobody sees it before `finish`. */
  async begin(
    caller: JobCaller,
    input: { name: string; mimeType: string; expiresAt: Date | null },
  ): Promise<{ fileId: string }> {
    const { name } = input
    checkName(name)
    const [own] = await this.#db
      .select({
        count: sql<number>`count(*)::int`,
        taken: sql<boolean>`bool_or(${and(this.#isFinished(), eq(runArtifacts.name, name))})`,
      })
      .from(runArtifacts)
      .where(and(eq(runArtifacts.runId, caller.runId), eq(runArtifacts.attempt, caller.attempt)))
    if (own?.taken) throw taken(name)
    const [mine] = await this.#db
      .select({ count: sql<number>`count(*)::int` })
      .from(runArtifacts)
      .where(eq(runArtifacts.jobId, caller.jobId))
    if ((mine?.count ?? 0) >= maxPerJob) {
      throw new AppError('limited', 'artifact.too_many', { message: `A job makes at most ${maxPerJob} artifacts.` })
    }
    const latest = Date.now() + this.#limits.keepDays * dayMs
    const expiresAt = new Date(Math.max(Date.now() + dayMs, Math.min(latest, input.expiresAt?.getTime() ?? latest)))
    return this.#db.transaction(async (tx) => {
      const fileId = await this.#files.open(tx, caller, { maxBytes: this.#limits.maxBytes, runId: caller.runId })
      await tx.insert(runArtifacts).values({
        projectId: caller.projectId,
        runId: caller.runId,
        attempt: caller.attempt,
        jobId: caller.jobId,
        name,
        mimeType: input.mimeType.slice(0, 200),
        fileId,
        expiresAt,
      })
      return { fileId }
    })
  }

  /**
   * Makes what this job uploaded under the name an artifact; of several, the latest. `digest` is what it should be. Said
   * again, because the answer was lost, it answers the same.
   */
  async finish(caller: JobCaller, input: { name: string; digest: string | null }): Promise<{ number: number }> {
    const [pending] = await this.#db
      .select()
      .from(runArtifacts)
      .where(
        and(
          eq(runArtifacts.runId, caller.runId),
          eq(runArtifacts.jobId, caller.jobId),
          eq(runArtifacts.name, input.name),
        ),
      )
      .orderBy(desc(runArtifacts.number))
      .limit(1)
    if (!pending) throw notFound('artifact')
    const settled = pending.finishedAt ? pending : await this.#files.settle(pending.fileId, { digest: true })
    if (input.digest !== null && input.digest !== settled.digest) {
      throw new AppError('invalid', 'artifact.digest_mismatch', {
        message: `hash: what arrived is ${settled.digest}, not ${input.digest.slice(0, 100)}. Upload it again.`,
      })
    }
    if (pending.finishedAt) return { number: pending.number }
    try {
      await this.#db.transaction(async (tx) => {
        await this.#files.complete(tx, pending.fileId, settled)
        await tx
          .update(runArtifacts)
          .set({ finishedAt: sql`now()`, bytes: settled.bytes, digest: settled.digest })
          .where(eq(runArtifacts.id, pending.id))
      })
      crashPoint('file.after.complete')
    } catch (error) {
      if (isUniqueViolation(error)) throw taken(input.name)
      throw error
    }
    return { number: pending.number }
  }

  /** Those of the job's run, newest first; of a name that several attempts made, each. */
  list(caller: JobCaller, filter: { name: string | null; number: number | null }) {
    return this.#db
      .select()
      .from(runArtifacts)
      .where(
        and(
          eq(runArtifacts.runId, caller.runId),
          this.#isFinished(),
          filter.name === null ? undefined : eq(runArtifacts.name, filter.name),
          filter.number === null ? undefined : eq(runArtifacts.number, filter.number),
        ),
      )
      .orderBy(desc(runArtifacts.number))
      .limit(maxListed)
  }

  /** The newest of that name in the job's run. */
  async find(caller: JobCaller, name: string): Promise<{ fileId: string; number: number; isZip: boolean }> {
    const found = await maybeOne(
      this.#db
        .select({ fileId: runArtifacts.fileId, number: runArtifacts.number, mimeType: runArtifacts.mimeType })
        .from(runArtifacts)
        .where(and(eq(runArtifacts.runId, caller.runId), eq(runArtifacts.name, name), this.#isFinished()))
        .orderBy(desc(runArtifacts.number))
        .limit(1),
    )
    if (!found) throw notFound('artifact')
    const { mimeType, ...file } = found
    return { ...file, isZip: mimeType === 'application/zip' }
  }

  async remove(caller: JobCaller, name: string): Promise<{ number: number }> {
    const found = await this.find(caller, name)
    await this.#files.remove(this.#db, [found.fileId])
    return { number: found.number }
  }

  #isFinished() {
    return and(isNotNull(runArtifacts.finishedAt), gt(runArtifacts.expiresAt, sql`now()`))
  }
}

function checkName(name: string): void {
  const why =
    name.trim() === ''
      ? 'give it a name.'
      : name.length > maxNameLength
        ? `at most ${maxNameLength} characters.`
        : forbidden.test(name)
          ? 'leave out " : < > | * ? \\ /, line ends and control characters.'
          : reserved.test(name.trim())
            ? 'it must not be ., .. or .git.'
            : null
  if (why) throw new AppError('invalid', 'input.invalid', { message: `name: ${why}`, details: { field: 'name' } })
}

const taken = (name: string) =>
  new AppError('conflict', 'artifact.name_taken', {
    message: `an artifact with this name already exists on the workflow run: ${name}`,
    details: { name },
  })
