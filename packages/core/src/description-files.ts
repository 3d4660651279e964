import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'

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

/** Null for whatever cannot be the name of a file too: a key of 300 characters, a circle of links. */
function kindOf(root: string, name: string): 'file' | 'folder' | null {
  try {
    return statSync(join(root, name)).isDirectory() ? 'folder' : 'file'
  } catch {
    return null
  }
}

/**
 * The texts that say what the application in a folder is, by path: the telling files, and every file and folder that one of its Compose files
 * names. They travel with a release, whose description is read from them.
 */
export function describedBy(root: string): Record<string, string> {
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
    const kind = kindOf(root, name)
    if (kind === 'folder') return tellingIn(root, name)
    return kind === 'file' ? [name] : []
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
