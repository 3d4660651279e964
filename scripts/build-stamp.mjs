// What `dist/` was built from, as one hash. Shared by the build and by the launchers, which must answer within a few
// milliseconds whether a build is needed.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const sources = [
  'apps/agent/src',
  'apps/cli/src',
  'apps/server/src',
  'packages/core/src',
  'packages/services/src',
  'packages/workflow/src',
]
const alone = ['package-lock.json', 'scripts/build.mjs', 'scripts/build-stamp.mjs']

/** The programs that a build makes, by the name of their file in `dist/`. */
export const programs = {
  server: 'apps/server/src/main.ts',
  agent: 'apps/agent/src/main.ts',
  edge: 'apps/agent/src/edge/main.ts',
  static: 'apps/agent/src/edge/static-server.ts',
  pack: 'apps/agent/src/jobs/pack-main.ts',
  cli: 'apps/cli/src/main.ts',
}

export function currentStamp(root) {
  const hash = createHash('sha256')
  const add = (path) =>
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0')
  for (const folder of sources) {
    for (const path of filesIn(root, folder)) add(path)
  }
  for (const path of alone) add(path)
  return hash.digest('hex')
}

/** Null when nothing was built, or not everything. */
export function builtStamp(root) {
  const dist = join(root, 'dist')
  if (!Object.keys(programs).every((name) => existsSync(join(dist, `${name}.mjs`)))) return null
  try {
    return readFileSync(join(dist, 'stamp'), 'utf8')
  } catch {
    return null
  }
}

function filesIn(root, folder) {
  const found = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      if (entry.name !== 'fixtures') found.push(...filesIn(root, path))
    } else if (!/\.test\.ts$/.test(entry.name)) found.push(path)
  }
  return found.sort()
}
