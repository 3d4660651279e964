import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { AppError } from '@juanie/core/errors'
import { gitEnvironment, receiveSettings, uploadSettings } from '@juanie/core/git/environment'

export const gitServices = ['git-upload-pack', 'git-receive-pack'] as const
export type GitService = (typeof gitServices)[number]

/** So many at once; what comes meanwhile waits its turn for a while. */
const maxRunning = 24
const maxWaiting = 200
const turnLimitMs = 20_000
const killAfterMs = 5_000

export interface RunningGit {
  child: ChildProcessWithoutNullStreams
  /** Ends it: politely first. Safe to call at any time. */
  stop(): void
  /** Exit code once it is over, null after a signal; never rejects. */
  over: Promise<number | null>
  stderr(): string
}

/** Starts the two programs that talk to git clients, a bounded number of them at once. */
export class GitPrograms {
  readonly #maxPushBytes: number
  readonly #waiting: (() => void)[] = []
  readonly #running = new Set<RunningGit>()
  #taken = 0

  constructor(parts: { maxPushBytes: number }) {
    this.#maxPushBytes = parts.maxPushBytes
  }

  /** `protocol` is the client's `Git-Protocol` header. Ends it by itself after `limitMs`. */
  async start(
    service: GitService,
    folder: string,
    options: { advertise: boolean; protocol: string | undefined; limitMs: number },
  ): Promise<RunningGit> {
    await this.#turn()
    const [, command = ''] = /^git-(.+)$/.exec(service) ?? []
    const settings = service === 'git-receive-pack' ? receiveSettings(this.#maxPushBytes) : uploadSettings
    const child = spawn(
      'git',
      [command, '--stateless-rpc', ...(options.advertise ? ['--advertise-refs'] : []), folder],
      {
        env: {
          ...gitEnvironment(settings),
          ...(/^version=[0-2]$/.test(options.protocol ?? '') && { GIT_PROTOCOL: options.protocol }),
        },
        stdio: 'pipe',
      },
    )
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < 4000) stderr += chunk.toString('utf8')
    })
    child.stdin.on('error', () => {})
    let kill: NodeJS.Timeout | undefined
    const stop = () => {
      if (child.exitCode !== null || child.signalCode !== null || kill) return
      child.kill('SIGTERM')
      kill = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    }
    const limit = setTimeout(stop, options.limitMs)
    const over = new Promise<number | null>((resolve) => {
      child.once('error', () => resolve(null))
      child.once('close', (code) => resolve(code))
    })
    const running: RunningGit = { child, stop, over, stderr: () => stderr }
    this.#running.add(running)
    void over.then(() => {
      clearTimeout(limit)
      if (kill) clearTimeout(kill)
      this.#running.delete(running)
      this.#taken--
      this.#waiting.shift()?.()
    })
    return running
  }

  /** Ends what still runs, at the end of the server. */
  async close(): Promise<void> {
    const running = [...this.#running]
    for (const each of running) each.stop()
    await Promise.all(running.map(({ over }) => over))
  }

  async #turn(): Promise<void> {
    if (this.#taken < maxRunning) {
      this.#taken++
      return
    }
    if (this.#waiting.length >= maxWaiting) throw busy()
    await new Promise<void>((resolve, reject) => {
      const mine = () => {
        clearTimeout(timer)
        this.#taken++
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(mine), 1)
        reject(busy())
      }, turnLimitMs)
      this.#waiting.push(mine)
    })
  }
}

const busy = () =>
  new AppError('unavailable', 'git.busy', {
    message: 'Too many pushes and clones are under way; try again in a moment.',
  })
