import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { lchown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '@juanie/core/errors'
import type { StepUser } from './folders.ts'
import { Planting, type SeedNode } from './tool-planting.ts'

export interface ToolCachesParts {
  /** Where they lie, one for each project. */
  folder: string
  /** Whose they are; null: the agent's own. */
  user: StepUser | null
  /** A folder of this host, laid out as a tool cache itself; null: none. */
  seed: string | null
  /** The Node.js versions of this host. */
  nodes(): readonly SeedNode[]
  warn(message: string, error: unknown): void
}

/** npm takes a path with a UUID in it for a secret, and refuses to say where its cache and its packages lie. */
const nameOf = (projectId: string): string => projectId.replaceAll('-', '')

type Seed = { tool: string; version: string; completeMs: number }

/**
 * `RUNNER_TOOL_CACHE` of each project, which its jobs keep between them and no other project reaches. It begins with
 * what the host has, so that actions need not fetch it: its Node.js versions, and the tools of the seed. Laid out as
 * https://github.com/actions/toolkit/tree/main/packages/tool-cache reads it.
 */
export class ToolCaches {
  readonly #parts: ToolCachesParts
  readonly #making = new Map<string, Promise<void>>()

  constructor(parts: ToolCachesParts) {
    this.#parts = parts
  }

  of(projectId: string): string {
    return join(this.#parts.folder, nameOf(projectId))
  }

  /** Removes what an earlier agent process left half made or half removed. */
  async clean(): Promise<void> {
    for (const name of await readdir(this.#parts.folder)) {
      if (!name.includes('.') || name.endsWith('.seed')) continue
      await rm(join(this.#parts.folder, name), { recursive: true, force: true })
    }
  }

  /** Makes that of a project where there is none, or where the seed has changed and no other job works with it. */
  make(projectId: string, isUsed: () => boolean): Promise<void> {
    const making =
      this.#making.get(projectId) ?? this.#make(projectId, isUsed).finally(() => this.#making.delete(projectId))
    this.#making.set(projectId, making)
    return making
  }

  async #make(projectId: string, isUsed: () => boolean): Promise<void> {
    const { folder, user, nodes, warn } = this.#parts
    const cache = this.of(projectId)
    const markFile = join(folder, `${nameOf(projectId)}.seed`)
    const seeds = await this.#seeds()
    const mark = seeds.length === 0 ? '' : createHash('sha256').update(JSON.stringify(seeds)).digest('hex')
    const isThere = existsSync(cache)
    if (isThere && (isUsed() || mark === (await readFile(markFile, 'utf8').catch(() => '')))) return
    // No job was ever in this folder: no link in it can lead elsewhere.
    const made = join(folder, `${nameOf(projectId)}.${randomUUID()}`)
    await mkdir(made, { mode: 0o700 })
    if (user) await lchown(made, user.uid, user.gid)
    const planting = new Planting({ user, made, final: cache })
    for (const { tool, version } of seeds) {
      await planting.tool(join(this.#parts.seed as string, tool, version), join(made, tool, version))
    }
    for (const node of nodes()) {
      const version = join(made, 'node', node.version)
      if (!existsSync(version)) await planting.node(node, version)
    }
    const old = join(folder, `${nameOf(projectId)}.${randomUUID()}`)
    if (isThere) await rename(cache, old)
    if (mark === '') await rm(markFile, { force: true })
    else await writeFile(markFile, mark)
    await rename(made, cache)
    rm(old, { recursive: true, force: true }).catch((error) => warn('an old tool cache could not be removed', error))
  }

  /** The complete tools of the seed for this processor. */
  async #seeds(): Promise<Seed[]> {
    const { seed } = this.#parts
    const found: Seed[] = []
    if (seed === null) return found
    try {
      for (const tool of (await readdir(seed)).sort()) {
        if (!(await stat(join(seed, tool))).isDirectory()) continue
        for (const version of (await readdir(join(seed, tool))).sort()) {
          const complete = join(seed, tool, version, `${process.arch}.complete`)
          if (existsSync(complete)) found.push({ tool, version, completeMs: (await stat(complete)).mtimeMs })
        }
      }
      return found
    } catch (error) {
      throw new Error(`JUANIE_TOOL_CACHE cannot be read: ${messageOf(error)}`, { cause: error })
    }
  }
}
