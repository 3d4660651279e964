import { randomUUID } from 'node:crypto'
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { StepUser } from './folders.ts'

/** A Node.js of this host that actions find where those of GitHub's runners lie. */
export interface SeedNode {
  /** Without a `v`. */
  version: string
  node: string
  /** Folder of the package `npm`; null when this host has none that jobs may read. */
  npm: string | null
}

/**
 * Makes `RUNNER_TOOL_CACHE` of a project, which its jobs keep between them and no other project reaches. It begins with
 * the Node.js versions that are on this host anyway, so that `actions/setup-node` need not fetch them.
 */
export function makeToolCache(folder: string, user: StepUser | null, nodes: readonly SeedNode[]): void {
  if (!existsSync(folder)) {
    const made = `${folder}.${randomUUID()}`
    mkdirSync(made, { mode: 0o700 })
    if (user) chownSync(made, user.uid, user.gid)
    renameSync(made, folder)
    // Nothing of a job was ever here: no link can lead elsewhere.
    for (const node of nodes) seed(folder, user, node)
  }
}

/** Laid out as https://github.com/actions/toolkit/tree/main/packages/tool-cache reads it. */
function seed(folder: string, user: StepUser | null, { version, node, npm }: SeedNode): void {
  const arch = process.arch
  const bin = join(folder, 'node', version, arch, 'bin')
  mkdirSync(bin, { recursive: true, mode: 0o755 })
  const links: [string, string][] = [[realpathSync(node), join(bin, 'node')]]
  if (npm) {
    const modules = join(folder, 'node', version, arch, 'lib', 'node_modules')
    mkdirSync(modules, { recursive: true, mode: 0o755 })
    links.push([npm, join(modules, 'npm')])
    for (const name of ['npm', 'npx']) links.push([join(npm, 'bin', `${name}-cli.js`), join(bin, name)])
  }
  for (const [target, path] of links) symlinkSync(target, path)
  const complete = join(folder, 'node', version, `${arch}.complete`)
  writeFileSync(complete, '')
  if (!user) return
  const made = new Set([complete, ...links.map(([, path]) => path)])
  for (const path of [...made])
    for (let above = dirname(path); above !== folder; above = dirname(above)) made.add(above)
  for (const path of made) lchownSync(path, user.uid, user.gid)
}
