import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
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

/** Files that say what an application is and how it is run. */
const telling = new RegExp(
  [
    '^(compose|docker-compose)([.-][\\w.-]+)?\\.ya?ml$',
    '^\\.env(\\.[\\w.-]+)?$',
    '^(Procfile|package\\.json|index\\.html|requirements\\.txt|pyproject\\.toml|Pipfile|runtime\\.txt|go\\.mod|Gemfile)$',
    '^\\.(nvmrc|node-version|python-version|tool-versions)$',
    '^(gunicorn\\.conf|app|main|manage|wsgi|asgi|server)\\.py$',
    '^(vite|astro)\\.config\\.\\w+$',
  ].join('|'),
)
/** Where Python applications have their beginning besides the root. */
const furtherFolders = ['app', 'src']
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

/** The telling files of a folder, and every file and folder that one of its Compose files names. */
function describe(root: string): Record<string, string> {
  const description: Record<string, string> = {}
  const queue = [...tellingIn(root, '.'), ...furtherFolders.flatMap((folder) => tellingIn(root, folder))]
  for (
    let path = queue.shift();
    path !== undefined && Object.keys(description).length < mostFiles;
    path = queue.shift()
  ) {
    if (path in description) continue
    const text = read(root, path)
    if (text === null) continue
    description[path] = text
    if (/\.ya?ml$/.test(path)) queue.push(...named(root, path, text))
  }
  return description
}

/** Which words are names of files is for the reader of the description to say; here it is enough that they are. */
function named(root: string, path: string, text: string): string[] {
  return [...new Set(text.split(/[\s"'[\]{},=]+/))].flatMap((word) => {
    // What a variable names is not known yet: all that begins so.
    const variable = word.indexOf('$')
    const name = normalize(join(path, '..', variable < 0 ? word : word.slice(0, variable)))
    if (!word || word.length > 500 || name.startsWith('..') || name.startsWith('/')) return []
    if (variable > 0) return namesIn(root, dirname(name)).filter((each) => each.startsWith(name))
    const kind = statSync(join(root, name), { throwIfNoEntry: false })
    if (kind?.isDirectory()) return tellingIn(root, name)
    return kind ? [name] : []
  })
}

const tellingIn = (root: string, folder: string): string[] =>
  namesIn(root, folder).filter((path) => telling.test(basename(path)))

function namesIn(root: string, folder: string): string[] {
  try {
    return readdirSync(join(root, folder)).map((name) => normalize(join(folder, name)))
  } catch {
    return []
  }
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
