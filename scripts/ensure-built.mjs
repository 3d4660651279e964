import { spawn } from 'node:child_process'
import nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isStale, parts } from './build-stamp.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * Builds those of the parts (of all without a name) whose sources are not those that `dist/` was made from. In a process of its own, because a bundler leaves
 * hundreds of megabytes behind. What it says goes to standard error: standard output belongs to the program's answer.
 */
export async function ensureBuilt(...wanted) {
  // From Node 22.8 on, the compiled programs are kept; Node 20 has no such cache and needs none of this.
  nodeModule.enableCompileCache?.(join(root, 'dist', '.cache'))
  const stale = (wanted.length > 0 ? wanted : Object.keys(parts)).filter((part) => isStale(root, part))
  if (stale.length === 0) return
  const child = spawn(process.execPath, [join(root, 'scripts', 'build.mjs'), ...stale], { stdio: ['ignore', 2, 2] })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve))
  if (code !== 0) process.exit(1)
}
