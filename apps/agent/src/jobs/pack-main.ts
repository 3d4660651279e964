import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { BundleError, packFolder } from '@juanie/core/bundle'

/**
 * Packs a folder as the user who runs this sees it, and reads the texts that say what the application is:
 * `node pack.mjs <folder> <workspace> <bundle> <exclude>…`. Prints `Packing` as JSON.
 */
export interface Packing {
  error: string | null
  digest: string
  bytes: number
  listing: string[]
  description: Record<string, string>
}

/** Files at the root that say what an application is and how it is run. */
const telling =
  /^(compose|docker-compose)([.-][\w.-]+)?\.ya?ml$|^(Procfile|package\.json|requirements\.txt|pyproject\.toml|Pipfile|\.nvmrc|\.node-version|\.python-version|\.tool-versions|runtime\.txt|go\.mod|Gemfile|\.env|\.env\.example|gunicorn\.conf\.py|app\.py|main\.py|manage\.py|wsgi\.py|asgi\.py|vite\.config\.\w+|astro\.config\.\w+)$/
const mostFiles = 200
const mostBytes = 1024 * 1024

function read(root: string, path: string): string | null {
  try {
    const file = join(root, path)
    const stat = statSync(file)
    return stat.isFile() && stat.size <= mostBytes ? readFileSync(file, 'utf8') : null
  } catch {
    return null
  }
}

/** The telling files of a folder, and every file that one of its Compose files names. */
function describe(root: string): Record<string, string> {
  const description: Record<string, string> = {}
  const queue = readdirSync(root).filter((name) => telling.test(name))
  for (
    let path = queue.shift();
    path !== undefined && Object.keys(description).length < mostFiles;
    path = queue.shift()
  ) {
    if (path in description) continue
    const text = read(root, path)
    if (text === null) continue
    description[path] = text
    if (!/\.ya?ml$/.test(path)) continue
    // Which words are names of files is for the reader of the description to say; here it is enough that they are.
    for (const word of new Set(text.split(/[\s"'[\]{},]+/))) {
      const named = normalize(join(path, '..', word))
      if (
        word &&
        word.length < 500 &&
        !named.startsWith('..') &&
        !named.startsWith('/') &&
        existsSync(join(root, named))
      )
        queue.push(named)
    }
  }
  return description
}

const [folder = '', workspace = '', bundle = '', ...exclude] = process.argv.slice(2)
const packing: Packing = { error: null, digest: '', bytes: 0, listing: [], description: {} }
try {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new BundleError(`cannot be made: there is no folder ${folder}`)
  Object.assign(packing, await packFolder(folder, bundle, { exclude }))
  packing.description = describe(folder)
  const saysHow = Object.keys(packing.description).some((name) => /^(compose|docker-compose)|^Procfile$/.test(name))
  if (!saysHow && workspace !== folder) {
    const above = describe(workspace)
    if (Object.keys(above).some((name) => /^(compose|docker-compose)|^Procfile$/.test(name)))
      packing.description = { ...packing.description, ...above }
  }
} catch (error) {
  packing.error = `The bundle ${(error as Error).message}`
  if (!(error instanceof BundleError)) packing.error = `The folder cannot be packed: ${(error as Error).message}`
}
process.stdout.write(JSON.stringify(packing))
