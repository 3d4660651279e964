import type { Problems } from '../problems.ts'
import { said } from '../sentences.ts'
import {
  isNull,
  type ListNode,
  listNode,
  type MapNode,
  mapNode,
  type Node,
  type ScalarNode,
  scalarNode,
} from './tree.ts'

/**
 * Compose's merge: mappings key by key, lists one after the other without repeats, anything else replaced; with the
 * exceptions of the specification by path. `!reset` takes a key away and `!override` replaces it whole. Both tags stay
 * in the result until `settle`, because the result is merged again (extends first, then the files in turn).
 */
type Merger = (base: Node, over: Node) => Node

/** By path below the service; `*` is any key. */
const serviceRules: [string, Merger][] = [
  ['command', replace],
  ['entrypoint', replace],
  ['healthcheck.test', replace],
  ['environment', keyValues],
  ['labels', keyValues],
  ['annotations', keyValues],
  ['sysctls', keyValues],
  ['deploy.labels', keyValues],
  ['build.args', keyValues],
  ['build.labels', keyValues],
  ['depends_on', dependencies],
  ['networks', keyed],
  ['models', keyed],
  ['env_file', sequence],
  ['label_file', sequence],
  ['dns', sequence],
  ['dns_opt', sequence],
  ['dns_search', sequence],
  ['extra_hosts', sequence],
  ['tmpfs', sequence],
]
const byPath = new Map(serviceRules)

export function merge(base: Node, over: Node, problems: Problems, path: readonly string[] = []): Node {
  if (over.tag !== undefined) return over
  if (base.tag === 'reset') return over
  const kept = base.tag === undefined ? {} : { tag: base.tag }
  const isService = path[0] === 'services' && path.length > 2
  const below = isService ? path.slice(2).join('.') : ''
  if (below === 'build') {
    const pair = [base, over].map((node) => (node.kind === 'scalar' ? buildOf(node) : node))
    return { ...mergeAlike(pair[0] as Node, pair[1] as Node, problems, path), ...kept }
  }
  const rule = byPath.get(below)
  if (rule !== undefined) return { ...rule(base, over), ...kept }
  return { ...mergeAlike(base, over, problems, path), ...kept }
}

function mergeAlike(base: Node, over: Node, problems: Problems, path: readonly string[]): Node {
  if (isNull(over)) return base
  if (isNull(base)) return over
  if (base.kind === 'map' && over.kind === 'map') {
    const entries = new Map(base.entries)
    for (const [key, value] of over.entries) {
      const before = entries.get(key)
      entries.set(key, before === undefined ? value : merge(before, value, problems, [...path, key]))
    }
    return { ...base, entries }
  }
  if (base.kind === 'list' && over.kind === 'list') return sequence(base, over)
  if (base.kind === 'scalar' && over.kind === 'scalar') return over
  problems.error({
    at: over.at,
    said: said('otherForm', {
      path: path.join('.'),
      here: forms[over.kind],
      there: forms[base.kind],
      file: base.at.file,
    }),
  })
  return base
}

const forms = { map: said('mapping'), list: said('list'), scalar: said('singleValue') }

const buildOf = (node: ScalarNode): Node => (isNull(node) ? node : mapNode(node.at, [['context', node]]))

function replace(_base: Node, over: Node): Node {
  return over
}

function keyValues(base: Node, over: Node): Node {
  const entries = new Map(asKeyValues(base).entries)
  for (const [key, value] of asKeyValues(over).entries) entries.set(key, value)
  return { kind: 'map', at: over.at, entries }
}

function keyed(base: Node, over: Node): Node {
  const entries = new Map(asKeys(base).entries)
  for (const [key, value] of asKeys(over).entries) {
    const before = entries.get(key)
    if (before?.kind === 'map' && value.kind === 'map')
      entries.set(key, { ...before, entries: new Map([...before.entries, ...value.entries]) })
    else if (before === undefined || !isNull(value)) entries.set(key, value)
  }
  return { kind: 'map', at: over.at, entries }
}

/** In the short form a dependency is a started, required one, also where the longer form said otherwise before. */
function dependencies(base: Node, over: Node): Node {
  const long = (node: Node): Node =>
    node.kind === 'map'
      ? node
      : mapNode(
          node.at,
          [...asKeys(node).entries].map(([name, { at }]) => [
            name,
            mapNode(at, [
              ['condition', scalarNode(at, 'service_started')],
              ['required', scalarNode(at, true)],
            ]),
          ]),
        )
  return keyed(long(base), long(over))
}

function sequence(base: Node, over: Node): ListNode {
  const items = [...asItems(base)]
  for (const item of asItems(over)) if (!items.some((one) => isSame(one, item))) items.push(item)
  return listNode(over.at, items)
}

/** `KEY=value` items as a mapping; a key without `=` has no value of its own (null). */
export function asKeyValues(node: Node): MapNode {
  if (node.kind === 'map') return node
  const map = mapNode(node.at)
  for (const item of asItems(node)) {
    if (item.kind !== 'scalar') continue
    const text = String(item.value ?? '')
    const equals = text.indexOf('=')
    if (equals === -1) map.entries.set(text, { ...item, value: null })
    else map.entries.set(text.slice(0, equals), { ...item, value: text.slice(equals + 1) })
  }
  return map
}

/** A list of names as a mapping without values. */
export function asKeys(node: Node): MapNode {
  if (node.kind === 'map') return node
  const names = asItems(node).filter((item) => item.kind === 'scalar')
  return mapNode(
    node.at,
    names.map((item) => [String(item.value), scalarNode(item.at, null)]),
  )
}

export function asItems(node: Node): Node[] {
  if (node.kind === 'list') return node.items
  return isNull(node) ? [] : [node]
}

function isSame(a: Node, b: Node): boolean {
  if (a.kind === 'scalar') return b.kind === 'scalar' && a.value === b.value
  if (a.kind === 'list')
    return (
      b.kind === 'list' &&
      a.items.length === b.items.length &&
      a.items.every((item, i) => isSame(item, b.items[i] as Node))
    )
  if (b.kind !== 'map' || a.entries.size !== b.entries.size) return false
  return [...a.entries].every(([key, value]) => {
    const other = b.entries.get(key)
    return other !== undefined && isSame(value, other)
  })
}

/** A copy without what `!reset` took away, and without the tags. */
export function settle({ tag: _, ...node }: Node): Node {
  if (node.kind === 'scalar') return node
  if (node.kind === 'list') return { ...node, items: node.items.filter((item) => item.tag !== 'reset').map(settle) }
  const kept = [...node.entries].filter(([, value]) => value.tag !== 'reset')
  return { ...node, entries: new Map(kept.map(([key, value]) => [key, settle(value)])) }
}
