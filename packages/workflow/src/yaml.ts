import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  type YAMLMap,
  type Node as YamlNode,
} from 'yaml'
import { characterFault } from './characters.ts'
import type { Position } from './model.ts'
import type { Said } from './say.ts'
import { said, sentenceOf } from './sentences.ts'

/** A workflow file is text that people write; these bounds are far above any real one. */
const limits = { bytes: 1024 * 1024, tokens: 30_000, values: 30_000, depth: 64, expressions: 5000 } as const

export interface Range {
  start: Position
  end: Position
}

export interface ScalarNode {
  kind: 'scalar'
  value: string | number | boolean | null
  range: Range
  /** Text as it stands in the file, without the header of a block scalar. */
  source?: string
  /** How a string was written: block scalars keep their line breaks, flow scalars fold them. */
  style?: 'block' | 'flow'
  header?: string
}

interface SequenceNode {
  kind: 'sequence'
  items: Node[]
  range: Range
}

export interface Entry {
  key: ScalarNode
  value: Node
}

export interface MappingNode {
  kind: 'mapping'
  entries: Entry[]
  range: Range
}

export type Node = ScalarNode | SequenceNode | MappingNode

/** The file cannot be read as YAML, or would grow beyond the bounds. */
export class YamlError extends Error {
  readonly said: Said
  readonly position: Position | null
  constructor(fault: Said, position: Position | null) {
    super(sentenceOf(fault))
    this.name = 'YamlError'
    this.said = fault
    this.position = position
  }
}

/**
 * Reads YAML into a tree of plain nodes in which aliases are replaced by what they stand for. The number of values
 * is counted while aliases are followed, so a file whose aliases multiply ends early. Throws YamlError.
 */
export function readYaml(text: string): Node | null {
  const bytes = Buffer.byteLength(text)
  if (bytes > limits.bytes) {
    throw new YamlError(said('fileBytes', { bytes, most: limits.bytes }), null)
  }
  const expressions = text.split('${{').length - 1
  if (expressions > limits.expressions) {
    throw new YamlError(said('fileExpressions', { count: expressions, most: limits.expressions }), null)
  }
  boundTokens(text)
  const lines = new LineCounter()
  let document: Document
  try {
    // Without its pretty errors, each of which searches the text again: thousands of them would take minutes.
    document = parseDocument(text, {
      lineCounter: lines,
      keepSourceTokens: true,
      uniqueKeys: false,
      prettyErrors: false,
    })
  } catch (error) {
    throw new YamlError(invalid(error), null)
  }
  const fault = document.errors[0]
  if (fault) {
    const at = lines.linePos(fault.pos[0])
    throw new YamlError(invalid(fault), { line: at.line, column: at.col })
  }
  if (!document.contents) return null
  return new Reader(document, lines).read(document.contents as YamlNode, 0)
}

/**
 * Composing costs up to a hundred times what cutting into tokens costs, and recurses once per bracket. Real files have
 * fewer than ten thousand tokens; a script is one, however long.
 */
function boundTokens(text: string): void {
  let count = 0
  let depth = 0
  let offset = 0
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++
    if (token === ']' || token === '}') depth--
    if (++count > limits.tokens || depth > limits.depth) {
      const before = text.slice(0, offset).split('\n')
      const position = { line: before.length, column: before.at(-1)!.length + 1 }
      throw depth > limits.depth
        ? new YamlError(said('fileDepth', { most: limits.depth }), position)
        : new YamlError(said('filePieces', { most: limits.tokens }), position)
    }
    offset += token.length
  }
}

function invalid(error: unknown): Said {
  const text = String((error as Error).message ?? error)
    .split('\n')[0]!
    .slice(0, 300)
  if (text.startsWith('Maximum call stack')) return said('yamlDepth')
  return said('yamlInvalid', { text: /[.!?]$/.test(text) ? text : `${text}.` })
}

class Reader {
  readonly #document: Document
  readonly #lines: LineCounter
  readonly #resolving = new Set<YamlNode>()
  #values = 0

  constructor(document: Document, lines: LineCounter) {
    this.#document = document
    this.#lines = lines
  }

  read(node: YamlNode | null, depth: number): Node {
    const range = this.#range(node)
    if (++this.#values > limits.values) {
      throw new YamlError(said('fileValues', { most: limits.values }), range.start)
    }
    if (depth > limits.depth) throw new YamlError(said('fileDepth', { most: limits.depth }), range.start)
    if (isAlias(node)) return this.#alias(node as YamlNode, depth)
    if (isSeq(node)) {
      return { kind: 'sequence', items: node.items.map((item) => this.read(item as YamlNode, depth + 1)), range }
    }
    if (isMap(node)) return this.#mapping(node, range, depth)
    if (isScalar(node)) return this.#scalar(node as YamlNode, range)
    return { kind: 'scalar', value: null, range }
  }

  #alias(alias: YamlNode, depth: number): Node {
    const target = isAlias(alias) ? alias.resolve(this.#document) : undefined
    const { start } = this.#range(alias)
    if (!target) throw new YamlError(said('aliasUnknown'), start)
    if (this.#resolving.has(target)) throw new YamlError(said('aliasCircle'), start)
    this.#resolving.add(target)
    const node = this.read(target, depth + 1)
    this.#resolving.delete(target)
    return node
  }

  #mapping(map: YAMLMap, range: Range, depth: number): MappingNode {
    const entries = map.items.map((pair): Entry => {
      const key = this.read(pair.key as YamlNode | null, depth + 1)
      if (key.kind !== 'scalar') throw new YamlError(said('keyNotText'), key.range.start)
      const value = this.read(pair.value as YamlNode | null, depth + 1)
      // A value that is not there has no place of its own.
      if (!pair.value) value.range = key.range
      return { key, value }
    })
    return { kind: 'mapping', entries, range }
  }

  #scalar(node: YamlNode, range: Range): ScalarNode {
    if (!isScalar(node)) throw new TypeError('not a scalar')
    const { value } = node
    if (value === null || value === undefined) return { kind: 'scalar', value: null, range }
    if (typeof value === 'number' || typeof value === 'boolean') return { kind: 'scalar', value, range }
    if (typeof value !== 'string') {
      throw new YamlError(said('valueKind'), range.start)
    }
    if (characterFault(value))
      throw new YamlError(said(value.includes('\0') ? 'nulCharacter' : 'halfCharacter'), range.start)
    const token = node.srcToken
    const scalar: ScalarNode = { kind: 'scalar', value, range, style: 'flow' }
    if (token && 'source' in token) scalar.source = token.source
    if (token?.type === 'block-scalar') {
      scalar.style = 'block'
      const header = token.props.find((part) => part.type === 'block-scalar-header')
      if (header && 'source' in header) scalar.header = header.source
    }
    return scalar
  }

  #range(node: YamlNode | null): Range {
    const [from, to] = node?.range ?? [0, 0]
    const start = this.#lines.linePos(from)
    const end = this.#lines.linePos(to)
    return { start: { line: start.line, column: start.col }, end: { line: end.line, column: end.col } }
  }
}

/** Value of a key of a mapping; undefined when the node is no mapping or has no such key. */
export function child(node: Node | undefined, key: string): Node | undefined {
  return entry(node, key)?.value
}

export function entry(node: Node | undefined, key: string): Entry | undefined {
  return node?.kind === 'mapping' ? node.entries.find((each) => each.key.value === key) : undefined
}

/** Text of a scalar as GitHub's reader turns it into a string; undefined for lists and mappings. */
export function scalarText(node: Node | undefined): string | undefined {
  if (node?.kind !== 'scalar') return undefined
  return node.value === null ? '' : String(node.value)
}
