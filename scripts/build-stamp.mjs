// What `dist/` was built from, as one hash for each of its two parts. Shared by the build and by the launchers, which
// must answer within a few milliseconds whether a build is needed.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The programs that a build makes, by the name of their file in `dist/`. */
export const programs = {
  server: 'apps/server/src/main.ts',
  agent: 'apps/agent/src/main.ts',
  edge: 'apps/agent/src/edge/main.ts',
  static: 'apps/agent/src/edge/static-server.ts',
  pack: 'apps/agent/src/jobs/pack-main.ts',
  local: 'apps/agent/src/local/main.ts',
  cli: 'apps/cli/src/main.ts',
}

const always = ['package-lock.json', 'scripts/build-stamp.mjs']

/** `programs` run on the machine, `web` is the console that the server hands to browsers. */
export const parts = {
  programs: {
    folders: [
      'apps/agent/src',
      'apps/cli/src',
      'apps/server/src',
      'packages/core/src',
      'packages/services/src',
      'packages/workflow/src',
    ],
    files: [...always, 'scripts/build.mjs', 'scripts/handed-imports.mjs', 'scripts/run-program.mjs'],
    keeps: () => true,
    stamp: 'stamp',
    results: Object.keys(programs).map((name) => `${name}.mjs`),
  },
  web: {
    folders: ['apps/web/src', 'apps/web/public', 'packages/services/src'],
    files: [...always, 'scripts/build-web.mjs', 'apps/web/index.html', 'apps/web/vite.config.ts'],
    // Of the services a browser gets the vocabularies and tables of data only.
    keeps: (path) => !path.startsWith('packages/') || /\/(contract|policy|status)\.ts$/.test(path),
    stamp: 'web/stamp',
    results: ['web/index.en.html'],
  },
}

export function currentStamp(root, part) {
  const { folders, files, keeps } = parts[part]
  const hash = createHash('sha256')
  const add = (path) =>
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0')
  for (const folder of folders) {
    for (const path of filesIn(root, folder)) if (keeps(path)) add(path)
  }
  for (const path of files) add(path)
  return hash.digest('hex')
}

/** Null when nothing was built, or not everything. */
export function builtStamp(root, part) {
  const { stamp, results } = parts[part]
  const dist = join(root, 'dist')
  if (!results.every((file) => existsSync(join(dist, file)))) return null
  try {
    return readFileSync(join(dist, stamp), 'utf8')
  } catch {
    return null
  }
}

export const isStale = (root, part) => builtStamp(root, part) !== currentStamp(root, part)

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
