import { FeatureFlags } from '@actions/expressions/features'
import type { ObjectReader } from '@actions/workflow-parser/templates/object-reader'
import { TemplateContext, TemplateValidationErrors } from '@actions/workflow-parser/templates/template-context'
import { readTemplate } from '@actions/workflow-parser/templates/template-reader'
import {
  BooleanToken,
  type LiteralToken,
  MappingToken,
  NullToken,
  NumberToken,
  SequenceToken,
  StringToken,
} from '@actions/workflow-parser/templates/tokens/index'
import { NoOperationTraceWriter } from '@actions/workflow-parser/templates/trace-writer'
import { getWorkflowSchema } from '@actions/workflow-parser/workflows/workflow-schema'
import { contextNames } from './expressions.ts'
import type { Position } from './model.ts'
import type { Said } from './say.ts'
import { said } from './sentences.ts'
import type { Node, Range, ScalarNode } from './yaml.ts'

interface SchemaFault {
  position: Position | null
  fault: Said
}

/** More than these help nobody, and a file of a megabyte could yield hundreds of thousands. */
const maxFaults = 100

/**
 * Checks a tree against GitHub's own schema: keys, types, and in every `${{ … }}` the contexts and functions that its
 * place allows. The schema's lenient root is used: what a file says about events that never fire here does not matter,
 * and the events that do are read by triggers.ts.
 */
export const checkSchema = (root: Node): SchemaFault[] => faultsIn(root, 'workflow-root')

/** What GitHub's editor would underline in `on`: its strict schema knows the filters and activity types of each event. */
export const strictFaults = (on: Node): SchemaFault[] => faultsIn(on, 'on-strict')

function faultsIn(root: Node, definition: string): SchemaFault[] {
  const errors = new TemplateValidationErrors(maxFaults)
  const context = new TemplateContext(errors, getWorkflowSchema(), new NoOperationTraceWriter())
  context.state.featureFlags = new FeatureFlags({ allowBackgroundSteps: true })
  const moved = new Set<Range>()
  readTemplate(context, definition, new NodeReader(root, moved), undefined)
  return errors.getErrors().map(({ rawMessage, range }) => {
    const line = range && moved.has(range) ? range.start.line + 1 : range?.start.line
    return {
      position: range && line !== undefined ? { line, column: Math.max(1, range.start.column) } : null,
      fault: explain(rawMessage),
    }
  })
}

/** Contexts and functions that a definition of the schema allows, e.g. of `step-if`. */
export function allowedAt(definition: string): string[] {
  return getWorkflowSchema().getDefinition(definition).readerContext
}

function explain(raw: string): Said {
  const match = (pattern: RegExp) => pattern.exec(raw)?.[1]
  const context = match(/^Unrecognized named-value: '(.*)'$/s)
  if (context !== undefined) {
    return (contextNames as readonly string[]).includes(context.toLowerCase())
      ? said('contextElsewhere', { name: context })
      : said('contextUnknown', { name: context, known: contextNames.join(', ') })
  }
  const called = match(/^Unrecognized function: '(.*)'$/s)
  if (called !== undefined) return said('functionUnknown', { name: called })
  const unexpected = match(/^Unexpected value '(.*)'$/s)
  if (unexpected !== undefined) return said('valueUnexpected', { text: shorten(unexpected) })
  const missing = match(/^Required property is missing: (.*)$/s)
  if (missing !== undefined) return said('keyMissing', { key: missing })
  const twice = match(/^'(.*)' is already defined$/s)
  if (twice !== undefined) return said('keyTwice', { key: shorten(twice) })
  if (raw === 'A sequence was not expected') return said('noList')
  if (raw === 'A mapping was not expected') return said('noMapping')
  if (raw === 'A template expression is not allowed in this context') {
    return said('noExpression')
  }
  if (raw.startsWith('The expression is not closed')) return said('expressionOpen')
  const undetermined = match(
    /^There's not enough info to determine what you meant\. Add one of these properties: (.*)$/s,
  )
  if (undetermined !== undefined) return said('unclear', { keys: undetermined })
  const text = raw.split(' Located at position')[0] ?? raw
  return said('upstream', { text: `${shorten(text)}${/[.!?]$/.test(text) ? '' : '.'}` })
}

const shorten = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

type Event =
  | { kind: 'literal'; token: LiteralToken }
  | { kind: 'sequence'; token: SequenceToken }
  | { kind: 'mapping'; token: MappingToken }
  | { kind: 'end-sequence' }
  | { kind: 'end-mapping' }

/** Feeds our tree to the schema reader of the library, which asks for one event after another. */
class NodeReader implements ObjectReader {
  readonly #events: Event[] = []
  readonly #moved: Set<Range>
  #next = 0

  constructor(root: Node, moved: Set<Range>) {
    this.#moved = moved
    this.#add(root)
  }

  #add(node: Node): void {
    if (node.kind === 'scalar') {
      this.#events.push({ kind: 'literal', token: this.#literal(node) })
    } else if (node.kind === 'sequence') {
      this.#events.push({ kind: 'sequence', token: new SequenceToken(undefined, node.range, undefined) })
      for (const item of node.items) this.#add(item)
      this.#events.push({ kind: 'end-sequence' })
    } else {
      this.#events.push({ kind: 'mapping', token: new MappingToken(undefined, node.range, undefined) })
      for (const { key, value } of node.entries) {
        const text = key.value === null ? '' : String(key.value)
        this.#events.push({ kind: 'literal', token: new StringToken(undefined, key.range, text, undefined) })
        this.#add(value)
      }
      this.#events.push({ kind: 'end-mapping' })
    }
  }

  #literal({ value, range, source, style, header }: ScalarNode): LiteralToken {
    if (value === null) return new NullToken(undefined, range, undefined)
    if (typeof value === 'boolean') return new BooleanToken(undefined, range, value, undefined)
    if (typeof value === 'number') return new NumberToken(undefined, range, value, undefined)
    if (style === 'flow' && range.end.line > range.start.line) {
      // The library takes every text of several lines for a block scalar, whose text begins a line below its header.
      const above = { start: { line: range.start.line - 1, column: range.start.column }, end: range.end }
      this.#moved.add(above)
      return new StringToken(undefined, above, value, undefined, source, header)
    }
    return new StringToken(undefined, range, value, undefined, source, header)
  }

  #take<K extends Event['kind']>(kind: K): Extract<Event, { kind: K }> | undefined {
    const event = this.#events[this.#next]
    if (event?.kind !== kind) return undefined
    this.#next++
    return event as Extract<Event, { kind: K }>
  }

  allowLiteral() {
    return this.#take('literal')?.token
  }
  allowSequenceStart() {
    return this.#take('sequence')?.token
  }
  allowSequenceEnd() {
    return this.#take('end-sequence') !== undefined
  }
  allowMappingStart() {
    return this.#take('mapping')?.token
  }
  allowMappingEnd() {
    return this.#take('end-mapping') !== undefined
  }
  validateStart() {}
  validateEnd() {
    if (this.#next < this.#events.length) throw new Error('More was written than the schema reads')
  }
}
