import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { agentTokenFile, type Home, openHome } from '@juanie/core/home'
import { type AgentHolder, findHolder } from '@juanie/core/lock'
import { processes } from '@juanie/core/process-identity'
import { rolldown } from 'rolldown'
import { FakeServer } from './fake-server.ts'

const source = join(import.meta.dirname, '..')
const entries = {
  agent: 'main.ts',
  edge: 'edge/main.ts',
  static: 'edge/static-server.ts',
  pack: 'jobs/pack-main.ts',
}

/** The agent's programs as the build makes them, in a folder of their own. */
export async function buildPrograms(): Promise<string> {
  const folder = fs.mkdtempSync(join(tmpdir(), 'juanie-programs-'))
  fs.chmodSync(folder, 0o755)
  await Promise.all(
    Object.entries(entries).map(async ([name, input]) => {
      const build = await rolldown({
        input: join(source, input),
        platform: 'node',
        transform: { target: 'node20' },
        external: ['pg', 'bullmq', 'ioredis'],
        logLevel: 'silent',
      })
      await build.write({ file: join(folder, `${name}.mjs`), format: 'esm', codeSplitting: false })
      await build.close()
    }),
  )
  return folder
}

/** A real agent with its real edge, and the fake of a server that it connects to. */
export class AgentProcess {
  readonly folder = fs.mkdtempSync(join(tmpdir(), 'juanie-agent-'))
  readonly server = new FakeServer()
  readonly home: Home
  readonly #programs: string
  #child: ChildProcess | null = null
  output = ''

  private constructor(programs: string) {
    this.#programs = programs
    fs.chmodSync(this.folder, 0o755)
    this.home = openHome(join(this.folder, 'home'))
  }

  static async start(programs: string): Promise<AgentProcess> {
    const agent = new AgentProcess(programs)
    await agent.server.start()
    fs.writeFileSync(agent.home.serverFile, JSON.stringify({ url: agent.server.url, pid: process.pid }))
    fs.writeFileSync(agentTokenFile(agent.home), agent.server.token, { mode: 0o600 })
    await agent.launch()
    return agent
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  run(args: string[] = [], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, [join(this.#programs, 'agent.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        JUANIE_HOME: join(this.folder, 'home'),
        JUANIE_ROOT: this.folder,
        EDGE_PORT: '0',
        ...env,
      },
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk
      })
    }
    return child
  }

  /** Starts it and waits until its edge listens; null when it died first. */
  async launch(env: Record<string, string> = {}): Promise<AgentHolder | null> {
    const child = this.run([], env)
    this.#child = child
    for (let i = 0; i < 3000; i++) {
      if (child.exitCode !== null || child.signalCode !== null) return null
      const holder = await findHolder(this.home, 'agent')
      if (holder?.pid === child.pid && holder?.edge) return holder
      await pause(5)
    }
    throw new Error(`The agent did not start: ${this.output}`)
  }

  async ended(): Promise<{ code: number | null; signal: string | null }> {
    const child = this.#child!
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return { code: child.exitCode, signal: child.signalCode }
  }

  async end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }> {
    this.#child?.kill(signal)
    return this.ended()
  }

  /** A visitor's request through the edge. */
  async visit(path = '/', hostname = 'shop.localhost'): Promise<{ status: number; body: string }> {
    const holder = await findHolder(this.home, 'agent')
    const port = this.#port ?? holder?.edge?.port
    this.#port = port
    return new Promise((resolve, reject) => {
      const request = http.get(
        { host: '127.0.0.1', port, path, agent: false, headers: { host: hostname } },
        (response) => {
          let body = ''
          response.setEncoding('utf8')
          response.on('data', (chunk) => {
            body += chunk
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
        },
      )
      request.on('error', reject)
    })
  }

  #port: number | undefined

  /** Everything that was started from this home and lives. */
  get left(): string[] {
    return [...processes()]
      .filter(({ cwd, command, pid }) => pid !== process.pid && `${cwd} ${command}`.includes(this.folder))
      .map(({ pid, command }) => `${pid} ${command}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
    await once(this.run(['down']), 'exit')
    await this.server.stop()
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}
