import { parseEnvFile } from '../env-file.ts'
import { folderOf, within } from '../paths.ts'
import type { At, Problems } from '../problems.ts'
import { said } from '../sentences.ts'
import { interpolateTree, type Lookup } from './interpolate.ts'
import { asItems, merge, settle } from './merge.ts'
import { type Budget, isNull, type MapNode, mapNode, maxNodes, type Node, parseTree, type ScalarNode } from './tree.ts'

/**
 * Reads Compose files into one merged tree: interpolate, then include, then extends, then merge, file by file.
 * Every path in the result is relative to the application's folder.
 */
export interface Loading {
  read: (path: string) => string | null
  lookup: Lookup
  isOpen: boolean
  problems: Problems
  /** What relative paths of the first files are relative to; absent, the application's folder. */
  folder?: string
}

/** Bounds on what include and extends may reach, since each hop reads and merges again. */
const maxDepth = 20
const maxLoads = 500

export function loadProject(paths: readonly string[], loading: Loading): MapNode {
  return settle(
    new Loader(loading).model(paths, { folder: loading.folder ?? '.', lookup: loading.lookup, stack: [] }),
  ) as MapNode
}

interface Scope {
  /** What relative paths are relative to. */
  folder: string
  lookup: Lookup
  /** Files that include one another, outermost first. */
  stack: readonly string[]
}

class Loader {
  readonly #loading: Loading
  readonly #problems: Problems
  /** Files that are included or extended many times are read anew each time. */
  readonly #budget: Budget = { nodes: 5 * maxNodes }
  #loads = 0

  constructor(loading: Loading) {
    this.#loading = loading
    this.#problems = loading.problems
  }

  model(paths: readonly string[], scope: Scope): Node {
    let model: Node = mapNode({ file: paths[0] ?? '', line: 0, column: 0 })
    for (const path of paths)
      for (const document of this.#documents(path, scope)) {
        const included = this.#include(document, { ...scope, stack: [...scope.stack, path] })
        this.#extendAll(included, path, scope)
        model = merge(model, included, this.#problems)
      }
    return model
  }

  /** The documents of a file with their variables filled in and their paths made relative to the root. */
  #documents(path: string, scope: Scope, at?: At): MapNode[] {
    this.#loads += 1
    const text = this.#loads > maxLoads ? null : this.#loading.read(path)
    if (text === null) {
      this.#problems.error({
        at: at ?? { file: path, line: 0, column: 0 },
        reason: 'application.file_missing',
        said: this.#loads > maxLoads ? said('filesMany') : said('fileMissing', { path }),
      })
      return []
    }
    const documents = parseTree(path, text, this.#problems, this.#budget)
    const variables = { lookup: scope.lookup, isOpen: this.#loading.isOpen }
    return documents.map((document) => {
      const filled = interpolateTree(document, variables, this.#problems) as MapNode
      for (const service of servicesOf(filled).values()) if (service.kind === 'map') this.#rebase(service, scope.folder)
      return filled
    })
  }

  #include(document: MapNode, scope: Scope): MapNode {
    const include = document.entries.get('include')
    document.entries.delete('include')
    if (include === undefined || isNull(include)) return document
    if (include.kind !== 'list') {
      this.#problems.error({ at: include.at, said: said('includeList') })
      return document
    }
    let model: Node = mapNode(document.at)
    for (const item of include.items) {
      const imported = this.#included(item, scope)
      if (imported?.kind === 'map') {
        // An included file brings services and the like, not settings of the application as a whole.
        const sections = [...imported.entries].filter(
          ([key]) => !key.startsWith('x-') && key !== 'name' && key !== 'version',
        )
        model = merge(model, { ...imported, entries: new Map(sections) }, this.#problems)
      }
    }
    return merge(model, document, this.#problems) as MapNode
  }

  #included(item: Node, scope: Scope): Node | null {
    const long = item.kind === 'map' ? item.entries : null
    const texts = (node: Node | undefined): ScalarNode[] =>
      node === undefined ? [] : asItems(node).filter((one) => one.kind === 'scalar')
    const listed = texts(long === null ? item : long.get('path'))
    const [main] = listed
    if (main === undefined) {
      this.#problems.error({ at: item.at, said: said('includePath') })
      return null
    }
    const paths: string[] = []
    for (const node of listed) {
      const path = this.#local(node, scope.folder)
      if (path === null) return null
      paths.push(path)
    }
    if (scope.stack.includes(paths[0] as string) || scope.stack.length > maxDepth) {
      const circle = [...scope.stack, paths[0]].join(' → ')
      this.#problems.error({
        at: main.at,
        reason: 'application.cycle',
        said: said('includeCircle', { circle }),
      })
      return null
    }
    const [directory] = texts(long?.get('project_directory'))
    const folder = directory === undefined ? folderOf(paths[0] as string) : this.#local(directory, scope.folder)
    if (folder === null) return null
    const lookup = this.#withDefaults(texts(long?.get('env_file')), scope, folder)
    return this.model(paths, { folder, lookup, stack: scope.stack })
  }

  /** Variables of an include's `env_file` (else of a `.env` beside it) hold where nothing was given. */
  #withDefaults(envFiles: readonly ScalarNode[], scope: Scope, folder: string): Lookup {
    const defaults = new Map<string, string>()
    const lookup: Lookup = (name) => scope.lookup(name) ?? defaults.get(name)
    const add = (path: string, at: At, isRequired: boolean) => {
      const text = this.#loading.read(path)
      if (text === null && isRequired)
        this.#problems.error({
          at,
          reason: 'application.file_missing',
          said: said('fileMissing', { path }),
        })
      if (text === null) return
      for (const [name, value] of parseEnvFile(path, text, lookup, this.#problems)) defaults.set(name, value)
    }
    for (const node of envFiles) {
      if (node.value === '/dev/null') continue
      const path = this.#local(node, scope.folder)
      if (path !== null) add(path, node.at, true)
    }
    if (envFiles.length === 0) add(within(folder, '.env') as string, { file: folder, line: 0, column: 0 }, false)
    return lookup
  }

  #extendAll(document: MapNode, path: string, scope: Scope): void {
    const services = servicesOf(document)
    for (const name of services.keys()) this.#extend({ name, services, path, scope, chain: [] })
  }

  #extend({ name, services, path, scope, chain }: Extending): Node | undefined {
    const service = services.get(name)
    if (service?.kind !== 'map') return service
    const extending = service.entries.get('extends')
    if (extending === undefined || isNull(extending) || extending.tag === 'reset') return service
    const step = `${path}#${name}`
    if (chain.includes(step) || chain.length > maxDepth) {
      const circle = [...chain, step].join(' → ')
      this.#problems.error({
        at: extending.at,
        reason: 'application.cycle',
        said: said('extendsCircle', { circle }),
      })
      return undefined
    }
    const target = this.#target(extending, { name, services, path, scope, chain })
    if (target === null) return undefined
    const base = this.#extend({ ...target, chain: [...chain, step] })
    if (base === undefined && !target.services.has(target.name)) {
      this.#problems.error({
        at: extending.at,
        reason: 'application.unknown_service',
        said: said('extendsUnknown', { name, target: target.name, path: target.path }),
      })
    }
    const { entries } = service
    entries.delete('extends')
    if (base?.kind !== 'map') return service
    const merged = merge(settle(base), service, this.#problems, ['services', name])
    services.set(name, merged)
    return merged
  }

  #target(extending: Node, from: Extending): Extending | null {
    if (extending.kind === 'scalar') return { ...from, name: String(extending.value) }
    const service = extending.kind === 'map' ? extending.entries.get('service') : undefined
    if (extending.kind !== 'map' || service?.kind !== 'scalar' || isNull(service)) {
      this.#problems.error({
        at: extending.at,
        said: said('extendsForm'),
      })
      return null
    }
    const file = extending.entries.get('file')
    if (file === undefined || isNull(file)) return { ...from, name: String(service.value) }
    const path = file.kind === 'scalar' ? this.#local(file, '.') : null
    if (path === null) return null
    if (path === from.path) return { ...from, name: String(service.value) }
    const scope = { ...from.scope, folder: folderOf(path) }
    const services = new Map<string, Node>()
    for (const document of this.#documents(path, scope, file.at))
      for (const [name, node] of servicesOf(document)) services.set(name, node)
    return { name: String(service.value), services, path, scope, chain: from.chain }
  }

  /** Makes the paths of a service relative to the root, where they are relative to `folder`. */
  #rebase(service: MapNode, folder: string): void {
    if (folder === '.') return
    const extending = service.entries.get('extends')
    const file = extending?.kind === 'map' ? extending.entries.get('file') : undefined
    if (file?.kind === 'scalar') file.value = this.#local(file, folder)
    const build = service.entries.get('build')
    const context = build?.kind === 'map' ? build.entries.get('context') : build
    if (context?.kind === 'scalar' && isLocal(context.value)) context.value = this.#local(context, folder)
    for (const item of asItems(service.entries.get('env_file') ?? mapNode(service.at))) {
      const path = item.kind === 'map' ? item.entries.get('path') : item
      if (path?.kind === 'scalar' && typeof path.value === 'string') path.value = this.#local(path, folder)
    }
    for (const item of asItems(service.entries.get('volumes') ?? mapNode(service.at))) {
      if (item.kind === 'scalar' && typeof item.value === 'string' && item.value.startsWith('.')) {
        const [source = '', ...rest] = item.value.split(':')
        item.value = [`./${within(folder, source) ?? ''}`, ...rest].join(':')
      }
    }
  }

  #local(node: ScalarNode, folder: string): string | null {
    if (node.open) return null
    const isRemote = /^(https?|git|ssh|oci):|^git@|\.git(#|$)/.test(String(node.value))
    const path = typeof node.value === 'string' && !isRemote ? within(folder, node.value) : null
    if (path !== null) return path
    this.#problems.error({
      at: node.at,
      reason: 'application.path_outside',
      said: said(isRemote ? 'elsewhere' : 'outside', { path: String(node.value) }),
    })
    return null
  }
}

interface Extending {
  name: string
  services: Map<string, Node>
  path: string
  scope: Scope
  chain: readonly string[]
}

/** A build context may also be an address. */
const isLocal = (value: unknown): boolean => typeof value === 'string' && !/^[a-z+]+:\/\/|^git@/.test(value)

function servicesOf(document: MapNode): Map<string, Node> {
  const services = document.entries.get('services')
  return services?.kind === 'map' ? services.entries : new Map()
}
