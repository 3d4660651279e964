import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileDigest, unpackBundle } from '@juanie/core/bundle'
import { messageOf } from '@juanie/core/errors'
import { crashPoint } from '@juanie/core/points'
import { BackOff } from '../connection/back-off.ts'
import { mayPass, type Server, ServerRefusal, ServerUnreachable } from '../connection/server.ts'

/** Why a bundle cannot be had, in one sentence for people. */
export class BundleProblem extends Error {
  override readonly name = 'BundleProblem'
}

const attemptsAtDamage = 3

/** The bundles of this host: fetched once by digest, checked, and unpacked anew for each instance. */
export class Bundles {
  readonly #folder: string
  readonly #server: Server
  readonly #underWay = new Map<string, Promise<string>>()
  /** Checked since this process began. */
  readonly #checked = new Set<string>()

  constructor(parts: { folder: string; server: Server }) {
    this.#folder = parts.folder
    this.#server = parts.server
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(this.#folder)) {
      if (name.endsWith('.part')) rmSync(join(this.#folder, name), { force: true })
    }
  }

  /** Unpacks it into an empty folder. Waits for a server that is away; throws `BundleProblem` for what will not pass. */
  async unpack(
    digest: string,
    into: string,
    options: { owner: { uid: number; gid: number } | null; signal: AbortSignal },
  ): Promise<void> {
    const file = await this.#file(digest, options.signal)
    try {
      await unpackBundle(file, into, { owner: options.owner, maxBytes: Number.MAX_SAFE_INTEGER })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOSPC') throw new BundleProblem('The disk of the host is full.', { cause: error })
      throw new BundleProblem(`The bundle ${digest} ${message}.`, { cause: error })
    }
  }

  /** Removes what nothing on this host needs. */
  keepOnly(digests: ReadonlySet<string>): void {
    const kept = new Set([...digests].map(fileName))
    for (const name of readdirSync(this.#folder)) {
      if (!name.endsWith('.tar') || kept.has(name)) continue
      rmSync(join(this.#folder, name), { force: true })
      this.#checked.delete(name)
    }
  }

  /** One fetch for all that need it. Whoever asked first may give up; the others then begin again. */
  async #file(digest: string, signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted()
      const running = this.#underWay.get(digest)
      if (running) {
        const file = await Promise.race([running.catch(() => null), aborted(signal)])
        if (file) return file
        continue
      }
      const fetched = this.#have(digest, signal)
      this.#underWay.set(digest, fetched)
      try {
        return await fetched
      } finally {
        this.#underWay.delete(digest)
      }
    }
  }

  async #have(digest: string, signal: AbortSignal): Promise<string> {
    const name = fileName(digest)
    const file = join(this.#folder, name)
    if (existsSync(file)) {
      if (this.#checked.has(name) || (await fileDigest(file)) === digest) {
        this.#checked.add(name)
        return file
      }
      rmSync(file, { force: true })
    }
    const backOff = new BackOff()
    for (let damaged = 0; ; ) {
      const part = `${file}.part`
      try {
        await this.#server.download({ path: `/api/agent/blobs/${digest}`, timeoutMs: 30_000, signal }, part)
        const found = await fileDigest(part)
        if (found === digest) {
          crashPoint('agent.bundle.fetched')
          renameSync(part, file)
          this.#checked.add(name)
          return file
        }
        damaged += 1
        if (damaged >= attemptsAtDamage) {
          throw new BundleProblem(
            `The bundle ${digest} is damaged: what the server has under this digest has the digest ${found}.`,
          )
        }
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof BundleProblem) throw error
        if (isFull(error)) throw new BundleProblem('The disk of the host is full.', { cause: error })
        const isAway = error instanceof ServerUnreachable || (error instanceof ServerRefusal && mayPass(error))
        if (!isAway) {
          throw new BundleProblem(`The server gave no bundle ${digest} to this host: ${messageOf(error)}`, {
            cause: error,
          })
        }
      } finally {
        rmSync(part, { force: true })
      }
      await pause(backOff.nextMs(), undefined, { signal })
      this.#server.address.refresh()
    }
  }
}

const fileName = (digest: string) => `${digest.replace(/^sha256:/, '')}.tar`

const isFull = (error: unknown) =>
  [error, (error as Error).cause].some((one) => (one as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC')

const aborted = (signal: AbortSignal) =>
  new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }))
