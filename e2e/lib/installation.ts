import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { cloneRoot } from '@juanie/core/config'
import { findHome, type Home } from '@juanie/core/home'
import { type AgentHolder, findHolder } from '@juanie/core/lock'
import { freePort, leftBehind, tempHome } from '@juanie/core/testing/index'

export type Ended = { code: number | null; stdout: string; stderr: string }

/** A server that was started as a person would, with all that it says. */
export type RunningServer = {
  child: ChildProcess
  /** What it printed so far, both streams. */
  output(): string
  /** As Ctrl-C at a terminal: to the whole foreground group. */
  interrupt(): Promise<Ended>
  /** As kill -9: to the server alone. */
  kill(): Promise<Ended>
}

/** One installation on real processes, in a temporary home and on free ports, from this very clone. */
export class Installation implements AsyncDisposable {
  readonly root = cloneRoot()
  readonly env: Record<string, string>
  readonly port: number
  readonly edgePort: number
  readonly #folder: { path: string } & AsyncDisposable
  readonly #children = new Set<ChildProcess>()
  /** Further arguments in front of each program, for another user. */
  prefix: string[] = []

  private constructor(
    folder: { path: string } & AsyncDisposable,
    ports: [number, number],
    env: Record<string, string>,
  ) {
    this.#folder = folder
    ;[this.port, this.edgePort] = ports
    this.env = {
      PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
      HOME: join(folder.path, 'user'),
      LANG: 'C.UTF-8',
      JUANIE_HOME: join(folder.path, 'home'),
      PORT: String(this.port),
      EDGE_PORT: String(this.edgePort),
      ...env,
    }
    // The end of the run finds every process of it by this mark.
    if (process.env.JUANIE_TEST_RUN) this.env.JUANIE_TEST_RUN = process.env.JUANIE_TEST_RUN
    fs.mkdirSync(this.env.HOME!, { recursive: true })
  }

  static async make(env: Record<string, string> = {}): Promise<Installation> {
    return new Installation(tempHome(), [await freePort(), await freePort()], env)
  }

  /** The temporary folder that holds the home. */
  get folder(): string {
    return this.#folder.path
  }

  get url(): string {
    return `http://127.0.0.1:${this.env.PORT}`
  }

  home(): Home {
    const home = findHome(this.env.JUANIE_HOME!)
    if (!home) throw new Error('There is no home yet.')
    return home
  }

  agent(): Promise<AgentHolder | null> {
    return findHolder(this.home(), 'agent')
  }

  /** As `npm start`, ready to be used. */
  async start(env: Record<string, string> = {}): Promise<RunningServer> {
    const child = this.launch([join(this.root, 'scripts', 'start.mjs')], env)
    let output = ''
    const running: RunningServer = {
      child,
      output: () => output,
      interrupt: () => this.#end(child, () => process.kill(-child.pid!, 'SIGINT')),
      kill: () => this.#end(child, () => process.kill(child.pid!, 'SIGKILL')),
    }
    await new Promise<void>((resolve, reject) => {
      const collect = (chunk: string) => {
        output += chunk
        if (output.includes('Juanie is up.') && output.includes('Command')) resolve()
      }
      child.stdout!.setEncoding('utf8').on('data', collect)
      child.stderr!.setEncoding('utf8').on('data', collect)
      child.once('close', (code) => reject(new Error(`the server ended with ${code}:\n${output}`)))
      setTimeout(() => reject(new Error(`the server is not ready after 60 s:\n${output}`)), 60_000).unref()
    })
    return running
  }

  /** A start that is expected to end by itself. */
  async startToEnd(env: Record<string, string> = {}): Promise<Ended> {
    return collect(this.launch([join(this.root, 'scripts', 'start.mjs')], env))
  }

  /** The command `juanie`. */
  async juanie(...args: string[]): Promise<Ended> {
    return collect(this.launch([join(this.root, 'apps', 'cli', 'bin', 'juanie.mjs'), ...args]))
  }

  /** A program of Node, in a process group of its own. */
  launch(args: string[], env: Record<string, string> = {}): ChildProcess {
    const [program = '', ...rest] = [...this.prefix, process.execPath, ...args]
    const child = spawn(program, rest, {
      cwd: '/',
      env: { ...this.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** What of the installation still lives or lies on the disk; to be asked after it was disposed of. */
  leftBehind(): string[] {
    return leftBehind(this.#folder.path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const home = findHome(this.env.JUANIE_HOME!)
    for (const child of this.#children) child.kill('SIGKILL')
    await this.#folder[Symbol.asyncDispose]()
    // A home below a closed folder lies elsewhere; what lives there is not below the temporary folder.
    if (home?.isMoved) fs.rmSync(home.path, { recursive: true, force: true })
  }

  async #end(child: ChildProcess, ask: () => void): Promise<Ended> {
    const ended = collect(child)
    ask()
    return ended
  }
}

async function collect(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
