import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { cleanEnvironment, finish } from './juanie.ts'

/** A repository that does not lie at Juanie, served by git's own program, and a clone of it. */
export class FarRepository implements AsyncDisposable {
  readonly folder: string
  readonly #server: Server
  readonly #home: string

  private constructor(home: string, server: Server) {
    this.#home = home
    this.#server = server
    this.folder = join(home, 'clone')
  }

  static async open(home: string): Promise<FarRepository> {
    mkdirSync(home, { recursive: true })
    const server = createServer((request, response) => {
      const url = new URL(request.url!, 'http://far')
      // https://git-scm.com/docs/git-http-backend
      const child = spawn('git', ['http-backend'], {
        env: cleanEnvironment({
          HOME: home,
          GIT_PROJECT_ROOT: home,
          GIT_HTTP_EXPORT_ALL: '1',
          PATH_INFO: url.pathname,
          QUERY_STRING: url.search.slice(1),
          REQUEST_METHOD: request.method!,
          CONTENT_TYPE: request.headers['content-type'] ?? '',
          HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
          GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
          REMOTE_ADDR: '127.0.0.1',
        }),
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      request.pipe(child.stdin)
      child.stdin.on('error', () => {})
      const chunks: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.once('close', () => {
        const all = Buffer.concat(chunks)
        const end = all.indexOf('\r\n\r\n')
        for (const line of all.subarray(0, end).toString('latin1').split('\r\n')) {
          const [name = '', value = ''] = line.split(': ', 2)
          if (name.toLowerCase() === 'status') response.statusCode = Number(value.slice(0, 3))
          else if (name) response.setHeader(name, value)
        }
        response.end(all.subarray(end + 4))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const far = new FarRepository(home, server)
    for (const args of [
      ['init', '-q', '--bare', '-b', 'main', 'shop.git'],
      ['clone', '-q', 'shop.git', 'clone'],
    ]) {
      await far.#run(home, args)
    }
    return far
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/shop`
  }

  /** Commits and pushes; answers the commit. */
  async change(files: Record<string, string>, message: string): Promise<string> {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(this.folder, path, '..'), { recursive: true })
      writeFileSync(join(this.folder, path), text)
    }
    await this.#run(this.folder, ['add', '-A'])
    await this.#run(this.folder, ['commit', '-q', '--allow-empty', '-m', message])
    await this.#run(this.folder, ['push', '-q', 'origin', 'HEAD:main'])
    return (await this.#run(this.folder, ['rev-parse', 'HEAD'])).trim()
  }

  /** So many commits on top of the branch, pushed at once; answers them in order. */
  async grow(count: number): Promise<string[]> {
    const before = (await this.#run(this.folder, ['rev-parse', 'HEAD'])).trim()
    const parts = Array.from({ length: count }, (_, index) => {
      const message = `Change ${index}`
      return `commit refs/heads/main\ncommitter Ada <ada@example.com> ${1_700_000_000 + index} +0000\ndata ${message.length}\n${message}\n${index === 0 ? `from ${before}\n` : ''}\n`
    })
    spawnSync('git', ['fast-import', '--quiet', '--force'], { cwd: this.folder, input: parts.join('') })
    await this.#run(this.folder, ['push', '-q', 'origin', 'main'])
    const log = await this.#run(this.folder, ['rev-list', '--reverse', `${before}..main`])
    return log.trim().split('\n')
  }

  async #run(cwd: string, args: string[]): Promise<string> {
    const { code, stdout, stderr } = await finish(
      'git',
      ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args],
      { cwd, env: cleanEnvironment({ HOME: this.#home }), limitMs: 60_000 },
    )
    if (code !== 0) throw new Error(`git ${args[0]}: ${stderr}`)
    return stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
