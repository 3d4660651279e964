import { whyUnstorable } from '@juanie/core/text'
import type { Said } from '@juanie/workflow/say'
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Scalar } from 'yaml'
import type { At, Problems } from '../problems.ts'
import { said, sentenceOf } from '../sentences.ts'

/**
 * A YAML file as a tree of our own in which every value knows where it was written, through aliases, merge keys,
 * extends, include and merge. `reset` and `override` are Compose's tags `!reset` and `!override`.
 */
type Tag = 'reset' | 'override'
export type Value = string | number | boolean | null

export interface MapNode {
  kind: 'map'
  at: At
  tag?: Tag
  entries: Map<string, Node>
}
export interface ListNode {
  kind: 'list'
  at: At
  tag?: Tag
  items: Node[]
}
export interface ScalarNode {
  kind: 'scalar'
  at: At
  tag?: Tag
  value: Value
  /** Its value depends on variables that are not known yet, so nothing can be said about it. */
  open?: boolean
}
export type Node = MapNode | ListNode | ScalarNode

const maxFileLength = 1024 * 1024
/** Nodes after aliases are expanded, as many as Compose's own reader allows. */
export const maxNodes = 100_000
const maxDepth = 100

export const mapNode = (at: At, entries: Iterable<[string, Node]> = []): MapNode => ({
  kind: 'map',
  at,
  entries: new Map(entries),
})
export const listNode = (at: At, items: Node[]): ListNode => ({ kind: 'list', at, items })
export const scalarNode = (at: At, value: Value): ScalarNode => ({ kind: 'scalar', at, value })
export const isNull = (node: Node | undefined): boolean => node?.kind === 'scalar' && node.value === null

/** What is left, so that many documents or files cannot have many times as much. */
export interface Budget {
  nodes: number
}

class TooLarge extends Error {
  readonly said: Said

  constructor(fault: Said) {
    super(sentenceOf(fault))
    this.said = fault
  }
}

/** Reads the documents of one file; what cannot be read is a problem and yields nothing. */
export function parseTree(
  file: string,
  text: string,
  problems: Problems,
  budget: Budget = { nodes: maxNodes },
): MapNode[] {
  const start = { file, line: 0, column: 0 }
  if (text.length > maxFileLength) {
    problems.error({ at: start, reason: 'application.too_large', said: said('fileLarge') })
    return []
  }
  const lines = new LineCounter()
  const at = (offset: number | undefined): At => {
    const { line, col } = lines.linePos(offset ?? 0)
    return { file, line, column: col }
  }
  try {
    const parsed = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, merge: false, logLevel: 'silent' })
    const documents: Document.Parsed[] = 'empty' in parsed ? [] : parsed
    const trees: MapNode[] = []
    for (const document of documents) {
      for (const error of document.errors.slice(0, 10))
        problems.error({ at: at(error.pos[0]), said: said('yamlInvalid', { text: firstLine(error.message) }) })
      if (document.errors.length > 0) return []
      if (document.contents === null) continue
      const tree = new Reader(at, problems, budget).read(document.contents, 0)
      if (tree.kind === 'map') trees.push(tree)
      else if (!isNull(tree)) problems.error({ at: tree.at, said: said('notMapping') })
    }
    return trees
  } catch (error) {
    const fault = error instanceof TooLarge ? error.said : error instanceof RangeError ? said('fileDeep') : null
    if (fault === null) throw error
    problems.error({ at: start, reason: 'application.too_large', said: fault })
    return []
  }
}

const firstLine = (message: string): string => (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')

type YamlNode = NonNullable<Document.Parsed['contents']>

class Reader {
  readonly #at: (offset: number | undefined) => At
  readonly #problems: Problems
  readonly #anchors = new Map<string, YamlNode>()
  readonly #budget: Budget
  #aliases = 0

  constructor(at: (offset: number | undefined) => At, problems: Problems, budget: Budget) {
    this.#budget = budget
    this.#at = at
    this.#problems = problems
  }

  read(node: YamlNode, depth: number): Node {
    this.#budget.nodes -= 1
    if (this.#budget.nodes < 0) throw new TooLarge(said('fileValues'))
    if (depth > maxDepth) throw new TooLarge(said('fileLevels'))
    const at = this.#at(node.range?.[0])
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source)
      if (target === undefined) {
        this.#problems.error({ at, said: said('anchorUnknown', { name: node.source }) })
        return scalarNode(at, null)
      }
      this.#aliases += 1
      const copy = this.read(target, depth + 1)
      this.#aliases -= 1
      return copy
    }
    // An anchor that is written again holds from there on; reading it again behind an alias changes nothing.
    if (node.anchor !== undefined && this.#aliases === 0) this.#anchors.set(node.anchor, node)
    const tag: Tag | undefined = node.tag === '!reset' ? 'reset' : node.tag === '!override' ? 'override' : undefined
    const tagged = tag === undefined ? {} : { tag }
    if (isSeq(node)) {
      const items = node.items.map((item) => this.read(item as YamlNode, depth + 1))
      return { kind: 'list', at, items, ...tagged }
    }
    if (isMap(node)) return { kind: 'map', at, entries: this.#entries(node.items as Pair[], depth), ...tagged }
    if (isScalar(node)) {
      const value = scalarValue(node)
      if (typeof value === 'string' && whyUnstorable(value))
        this.#problems.error({ at, said: said(value.includes('\0') ? 'textNul' : 'textHalf') })
      return { kind: 'scalar', at, value, ...tagged }
    }
    return scalarNode(at, null)
  }

  #entries(pairs: Pair[], depth: number): Map<string, Node> {
    const entries = new Map<string, Node>()
    const merged: Map<string, Node>[] = []
    for (const { key, value } of pairs) {
      const at = this.#at(key?.range?.[0])
      if (key === null || !isScalar(key)) {
        this.#problems.error({ at, said: said('keyNotWord') })
        continue
      }
      const name = String(key.source ?? key.value ?? '')
      if (whyUnstorable(name)) this.#problems.error({ at, said: said(name.includes('\0') ? 'keyNul' : 'keyHalf') })
      // What is said of an entry points at its key, which stands on the line that people look for.
      const node = value === null ? scalarNode(at, null) : { ...this.read(value, depth + 1), at }
      if (name === '<<' && key.type === 'PLAIN') {
        for (const source of node.kind === 'list' ? node.items : [node]) {
          if (source.kind === 'map') merged.push(source.entries)
          else this.#problems.error({ at, said: said('mergeKey') })
        }
      } else if (entries.has(name)) this.#problems.error({ at, said: said('keyTwice', { name }) })
      else entries.set(name, node)
    }
    // What is written here wins over what is merged in, and an earlier source over a later one.
    for (const source of merged) for (const [name, node] of source) if (!entries.has(name)) entries.set(name, node)
    return entries
  }
}

interface Pair {
  key: Scalar.Parsed | null
  value: YamlNode | null
}

/**
 * What a plain word means: as Compose's own reader has it, which knows `0777` as octal and digits with underscores,
 * and takes `yes`, `no`, `on` and `off` for plain text.
 */
function scalarValue(scalar: Scalar): Value {
  const text = String(scalar.source ?? scalar.value ?? '')
  if (scalar.type !== 'PLAIN' || scalar.tag === 'tag:yaml.org,2002:str')
    return typeof scalar.value === 'string' ? scalar.value : text
  return plainValue(text)
}

export function plainValue(text: string): Value {
  if (/^(~|null|Null|NULL)?$/.test(text)) return null
  if (/^(true|True|TRUE)$/.test(text)) return true
  if (/^(false|False|FALSE)$/.test(text)) return false
  const digits = text.replaceAll('_', '')
  if (/^[-+]?(0|[1-9]\d*)$/.test(digits)) return integer(digits, text)
  const based = /^([-+]?)0(?:x([\dA-Fa-f]+)|o?([0-7]+)|b([01]+))$/.exec(digits)
  if (based !== null) {
    const [, sign, hex, octal, binary] = based
    const value = hex ? Number.parseInt(hex, 16) : octal ? Number.parseInt(octal, 8) : Number.parseInt(binary ?? '', 2)
    return sign === '-' ? -value : value
  }
  if (/^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(text)) return Number(text)
  return text
}

/** A number that JavaScript cannot hold exactly stays the text it is. */
const integer = (digits: string, text: string): Value => (Number.isSafeInteger(Number(digits)) ? Number(digits) : text)
