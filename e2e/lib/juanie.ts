import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clone. The demo is one bundled file somewhere else, and is told. */
export const root = process.env.JUANIE_ROOT ?? dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const launcher = join(root, 'apps/cli/bin/juanie.mjs')

export const admin = { email: 'ada@example.com', password: 'correct horse battery staple' }

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program to its end, at most `limitMs`. Never throws for an exit code. */
export function finish(
  file: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; limitMs?: number } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: options.cwd ?? root, env: options.env ?? cleanEnvironment(), stdio: 'pipe' })
    let stdout = ''
    let stderr = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 120_000)
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** What a terminal of an ordinary user has; nothing of this test run's own configuration. */
export function cleanEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '/', LANG = 'C.UTF-8' } = process.env
  return { PATH, HOME, LANG, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', ...extra }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Tries until it yields something, at most `limitMs`; the error says what was waited for. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  limitMs = 30_000,
): Promise<T> {
  const end = Date.now() + limitMs
  for (let last: unknown = null; ; ) {
    try {
      const found = await look()
      if (found) return found
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** One installation of Juanie in a home of its own, started as a person would. */
export class Juanie implements AsyncDisposable {
  readonly home: string
  readonly port: number
  readonly edgePort: number
  readonly environment: NodeJS.ProcessEnv
  output = ''
  #child: ChildProcess | null = null
  #ended: Promise<NodeJS.Signals | number | null> = Promise.resolve(null)

  private constructor(home: string, ports: { port: number; edgePort: number }, extra: Record<string, string>) {
    this.home = home
    this.port = ports.port
    this.edgePort = ports.edgePort
    this.environment = cleanEnvironment({
      HOME: join(home, 'person'),
      XDG_CONFIG_HOME: join(home, 'person/config'),
      JUANIE_HOME: join(home, 'data'),
      PORT: String(ports.port),
      EDGE_PORT: String(ports.edgePort),
      JUANIE_ADMIN_EMAIL: admin.email,
      JUANIE_ADMIN_PASSWORD: admin.password,
      ...extra,
    })
  }

  /** With short times unless `extra` says otherwise. */
  static async start(extra: Record<string, string> = {}): Promise<Juanie> {
    const juanie = await Juanie.prepare(extra)
    await juanie.up()
    return juanie
  }

  static async prepare(extra: Record<string, string> = {}): Promise<Juanie> {
    const home = mkdtempSync(join(tmpdir(), 'juanie-e2e-'))
    chmodSync(home, 0o711)
    return new Juanie(home, { port: await freePort(), edgePort: await freePort() }, extra)
  }

  get url(): string {
    return `http://${this.environment.HOST ?? '127.0.0.1'}:${this.port}`
  }

  /** `npm start` without npm: the process in the foreground. Resolves when it says that it is ready. */
  async up(extra: Record<string, string> = {}): Promise<void> {
    const child = spawn(process.execPath, [join(root, 'scripts/start.mjs')], {
      cwd: '/',
      env: { ...this.environment, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
    const collect = (text: string) => {
      this.output += text
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    let exited = false
    child.on('exit', () => {
      exited = true
    })
    await until(
      `Juanie to be ready; it printed:\n${this.output}`,
      async () => {
        if (exited) return true
        const response = await fetch(`${this.url}/readyz`)
        return response.ok
      },
      60_000,
    )
    if (exited) throw new Error(`Juanie ended while starting:\n${this.output}`)
  }

  /** How the server that was started last ended: a signal or an exit code. */
  get ended(): Promise<NodeJS.Signals | number | null> {
    return this.#ended
  }

  get serverPid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('the server was not started')
    return pid
  }

  /** Resolves when the server process is gone; agent, edge and instances go on. */
  async stopServer(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child
    if (!child) return null
    this.#child = null
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return gone
  }

  juanie(
    args: string[],
    options: { input?: string; cwd?: string; env?: Record<string, string>; limitMs?: number } = {},
  ): Promise<Finished> {
    return finish(process.execPath, [launcher, ...args], {
      cwd: options.cwd ?? this.home,
      env: { ...this.environment, ...options.env },
      input: options.input,
      limitMs: options.limitMs,
    })
  }

  /** A command that must succeed, with its JSON answer. */
  async json<T>(args: string[], options: Parameters<Juanie['juanie']>[1] = {}): Promise<T> {
    const finished = await this.juanie([...args, '--json'], options)
    if (finished.code !== 0)
      throw new Error(`juanie ${args.join(' ')} ended with ${finished.code}:\n${finished.stdout}\n${finished.stderr}`)
    return JSON.parse(finished.stdout) as T
  }

  async login(): Promise<void> {
    const { code, stderr } = await this.juanie(
      ['login', '--url', this.url, '--email', admin.email, '--password-stdin'],
      {
        input: `${admin.password}\n`,
      },
    )
    if (code !== 0) throw new Error(`login failed: ${stderr}`)
  }

  /** What identifies the processes that this installation left running. */
  processes(): { pid: number; command: string }[] {
    return processesNaming(this.home)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.juanie(['down'], { limitMs: 60_000 })
    await this.stopServer('SIGKILL')
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** Processes whose command line or environment names a folder. Linux only; elsewhere none are found. */
export function processesNaming(folder: string): { pid: number; command: string }[] {
  if (!existsSync('/proc/self/environ')) return []
  const found: { pid: number; command: string }[] = []
  for (const name of readdirNumbers('/proc')) {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8')
      if (Number(name) !== process.pid && (command.includes(folder) || environment.includes(folder)))
        found.push({ pid: Number(name), command })
    } catch {
      // It ended meanwhile, or belongs to somebody else.
    }
  }
  return found
}

const readdirNumbers = (folder: string): string[] => readdirSync(folder).filter((name) => /^\d+$/.test(name))
