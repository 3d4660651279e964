import type { Readable } from 'node:stream'
import {
  type HostedRepository,
  type Pushes,
  type PushRow,
  pushLimitMs,
  pushPoint,
  refFault,
} from '@juanie/services/repositories'
import type { Person, RunStarts } from '@juanie/services/runs'
import type { Logger } from 'pino'
import { ProtocolError } from './pkt-line.ts'
import { PushAnswer, type PushReport, refusedPush } from './push-report.ts'
import { type PushRequest, PushRequestReader } from './push-request.ts'
import { laterWords, startedWords, tooLargeWords } from './push-words.ts'
import type { GitPrograms, RunningGit } from './service.ts'

/** What a refused client still sends is read and dropped, so that it gets to see why; up to so many times the limit. */
const drainFactor = 4

interface Parts {
  programs: GitPrograms
  pushes: Pushes
  starts: RunStarts
  maxPushBytes: number
  log: Logger
}

/** Null where nobody started the run of the job that pushes. */
export type Pusher = Person | null

interface Push {
  repository: HostedRepository
  folder: string
  pusher: Pusher
  /** The job that pushes by its own token: such a push starts no runs, else a workflow could start itself for ever. */
  jobId: string | null
  protocol: string | undefined
  /** The body of the request, unpacked. */
  body: Readable
}

/**
 * Takes pushes: reads which refs one asks to move, writes that down durably, lets `git receive-pack` do it, and acts
 * on its report before the pusher has read it. There is no hook: the server sees both sides of the conversation.
 */
export class PushReceiver {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Answers the stream that the client gets. */
  async receive(push: Push): Promise<Readable | Buffer> {
    // git starts while the head of the request is read and written down.
    const starting = this.#parts.programs.start('git-receive-pack', push.folder, {
      advertise: false,
      protocol: push.protocol,
      limitMs: pushLimitMs,
    })
    let running: RunningGit | null = null
    try {
      const [{ request, head }, started] = await Promise.all([readHead(push.body), starting])
      running = started
      const faults = request.updates.flatMap(({ ref }) => {
        const why = refFault(ref)
        return why === null ? [] : [{ ref, why }]
      })
      if (faults.length > 0) {
        running.stop()
        this.#drain(push.body)
        const refused = request.updates.map(({ ref }) => ({ ref, why: refFault(ref) ?? 'refused with the others' }))
        return refusedPush(request.capabilities, refused)
      }
      const { repositoryId, projectId } = push.repository
      const rows = await this.#parts.pushes.receive(
        { repositoryId, projectId },
        push.pusher?.id ?? null,
        request.updates,
        push.jobId,
      )
      return this.#converse(push, running, { request, head, rows })
    } catch (error) {
      void starting.then(
        (started) => started.stop(),
        () => {},
      )
      push.body.resume()
      throw error
    }
  }

  #converse(
    push: Push,
    running: RunningGit,
    { request, head, rows }: { request: PushRequest; head: Buffer; rows: PushRow[] },
  ): Readable {
    const isSideband = request.capabilities.has('side-band-64k') || request.capabilities.has('side-band')
    const answer = new PushAnswer({ isSideband, reported: (report) => this.#reported(push, rows, report) })
    const { child } = running
    child.stdin.write(head)
    push.body.pipe(child.stdin)
    // A git that has seen enough stops reading; the client must be heard out to read the answer.
    child.stdin.once('error', () => this.#drain(push.body))
    child.stdin.once('close', () => this.#drain(push.body))
    push.body.once('error', () => running.stop())
    push.body.once('close', () => {
      if (!push.body.readableEnded) running.stop()
    })
    child.stdout.pipe(answer)
    void running.over
      .then(async (code) => {
        if (code !== 0) this.#parts.log.debug({ code, stderr: running.stderr() }, 'receive-pack ended badly')
        if (answer.hasReport || rows.length === 0) return
        // It ended without a word, or the client wanted none: the repository knows.
        await this.#parts.pushes.recover({ ids: rows.map(({ id }) => id) })
      })
      .catch((error) => this.#parts.log.warn({ err: error }, 'a push is decided later'))
    return answer
  }

  async #reported(push: Push, rows: PushRow[], report: PushReport): Promise<string[]> {
    const { pushes, starts, log, maxPushBytes } = this.#parts
    if (rows.length > 0 && report.ok.size > 0) pushPoint('push.ref_moved')
    const moved = rows.filter(({ ref }) => report.ok.has(ref))
    const refused = rows.filter(({ ref }) => !report.ok.has(ref)).map(({ id }) => id)
    try {
      const [started] = await Promise.all([
        starts.handle(moved, { project: { ...push.repository }, actor: push.pusher }),
        pushes.refuse(refused),
      ])
      pushPoint('push.answered')
      if (report.isTooLarge) return tooLargeWords(maxPushBytes)
      return startedWords(started, moved.length)
    } catch (error) {
      log.error({ err: error }, 'a push could not be handled at once')
      await pushes.accept(moved.map(({ id }) => id)).catch(() => {})
      return laterWords
    }
  }

  #drain(body: Readable): void {
    if (body.readableEnded || body.destroyed) return
    let left = drainFactor * this.#parts.maxPushBytes
    body.unpipe()
    body.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) body.destroy()
    })
    body.resume()
  }
}

function readHead(body: Readable): Promise<{ request: PushRequest; head: Buffer }> {
  return new Promise((resolve, reject) => {
    const reader = new PushRequestReader()
    const chunks: Buffer[] = []
    const end = (finish: () => void) => {
      body.pause()
      body.off('data', take).off('end', cut).off('error', fail).off('close', cut)
      finish()
    }
    const fail = (error: Error) => end(() => reject(error))
    const cut = () => fail(new ProtocolError('The push ended before it had said what it wants.'))
    const take = (chunk: Buffer) => {
      chunks.push(chunk)
      try {
        const request = reader.push(chunk)
        if (request) end(() => resolve({ request, head: Buffer.concat(chunks) }))
      } catch (error) {
        fail(error as Error)
      }
    }
    body.on('data', take).on('end', cut).on('error', fail).on('close', cut)
  })
}
