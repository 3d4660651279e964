import { type Files, folderOf, within } from '../paths.ts'
import { Problems } from '../problems.ts'
import { environmentOf } from './environment.ts'
import { asItems } from './merge.ts'
import { readProject } from './project.ts'
import { type Node, parseTree } from './tree.ts'

/** In the order in which Compose looks for them. */
export const composeNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']
const variantName = /^(?:docker-)?compose\.([A-Za-z0-9_-]+)\.ya?ml$/

export interface Variant {
  /** The environment whose file it is; null for the Compose file alone. */
  environment: string | null
  paths: string[]
}

/** The Compose file alone, and with the file of each environment that has one. */
export function variantsOf(entry: string, paths: Iterable<string>): Variant[] {
  const stem = entry.replace(/\.ya?ml$/, '')
  const byEnvironment = new Map<string, string>()
  for (const path of [...paths].sort()) {
    const name = variantName.exec(path)?.[1]
    // Two files for one environment: the one that is named as the Compose file is.
    if (name !== undefined && (!byEnvironment.has(name) || path.startsWith(`${stem}.`))) byEnvironment.set(name, path)
  }
  const variants = [...byEnvironment].map(([environment, path]) => ({ environment, paths: [entry, path] }))
  return [{ environment: null, paths: [entry] }, ...variants]
}

export interface Sources {
  /** Every file that the description names, in any environment, and that there is. */
  paths: string[]
  /** Folders of `build:`. */
  contexts: string[]
}

/** Variants and files named with variables are bounded, since each is read on its own. */
const maxReadings = 100

/**
 * Finds the files of a description by reading it as every environment would: what is read is what is named. A path with
 * a variable in it stands for every file that could be meant.
 */
export function sourcesOf(entry: string, files: Files): Sources {
  const paths = new Set<string>()
  const contexts = new Set<string>()
  const listed = files.list()
  const known = new Set(listed)
  const read = (path: string): string | null => {
    const text = known.has(path) ? files.read(path) : null
    if (text !== null) paths.add(path)
    return text
  }
  const queue = variantsOf(entry, listed).map(({ paths: files }) => ({ files, folder: '.' }))
  const searched = new Set<string>()
  for (let reading = 0; reading < Math.min(queue.length, maxReadings); reading++) {
    // What is wrong is told when the description is rendered; here only its files matter.
    const { files: merged, folder } = queue[reading] as (typeof queue)[number]
    const loading = { read, lookup: () => undefined, isOpen: true, problems: new Problems(), folder }
    for (const service of readProject(merged, loading).services) {
      environmentOf(service, loading)
      if (service.context !== null) contexts.add(within('.', service.context) ?? '.')
    }
    for (const path of [...paths].filter((one) => /\.ya?ml$/.test(one) && !searched.has(one))) {
      searched.add(path)
      for (const { pattern, isCompose } of openPaths(path, files.read(path) ?? ''))
        for (const match of listed.filter((one) => pattern.test(one)).slice(0, maxReadings))
          if (!isCompose) read(match)
          else if (!paths.has(match)) queue.push({ files: [match], folder: folderOf(match) })
    }
  }
  return { paths: [...paths].sort(), contexts: [...contexts].sort() }
}

/** Paths in `env_file`, `include` and `extends` that hold variables, as patterns over the files of the release. */
function openPaths(file: string, text: string): { pattern: RegExp; isCompose: boolean }[] {
  const found: { pattern: RegExp; isCompose: boolean }[] = []
  const add = (node: Node | undefined, isCompose: boolean): void => {
    for (const item of node === undefined ? [] : asItems(node))
      if (item.kind === 'map') {
        add(item.entries.get(isCompose ? 'file' : 'path'), isCompose)
        if (isCompose) add(item.entries.get('path'), true)
        add(item.entries.get('env_file'), false)
      } else if (item.kind === 'scalar' && typeof item.value === 'string' && item.value.includes('$'))
        for (const folder of new Set(['.', folderOf(file)])) {
          const pattern = patternOf(item.value, folder)
          if (pattern !== null) found.push({ pattern, isCompose })
        }
  }
  for (const tree of parseTree(file, text, new Problems())) {
    add(tree.entries.get('include'), true)
    const services = tree.entries.get('services')
    for (const service of services?.kind === 'map' ? services.entries.values() : [])
      if (service.kind === 'map') {
        add(service.entries.get('env_file'), false)
        add(service.entries.get('extends'), true)
      }
  }
  return found
}

function patternOf(path: string, folder: string): RegExp | null {
  const hole = '\uE000'
  const resolved = within(folder, path.replace(/\$(?:\{[^{}]*\}|[A-Za-z_]\w*)/g, hole))
  if (resolved === null || resolved.replaceAll(hole, '') === '') return null
  const parts = resolved.split(hole).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^/]*')}$`)
}
