import type { Problems } from './problems.ts'
import { entriesOf } from './read.ts'
import { said } from './sentences.ts'
import { splitTemplate } from './template.ts'
import type { Node } from './yaml.ts'

/**
 * Warns of `needs.x` and `steps.x` where the job neither needs x nor has a step with that id. The language makes them
 * empty without a word, so a misspelt name would only be seen in what the run does.
 */
export function warnOfUnknownNames(job: Node, known: { needs: string[]; steps: string[] }, problems: Problems): void {
  const names = {
    needs: new Set(known.needs.map((each) => each.toLowerCase())),
    steps: new Set(known.steps.map((each) => each.toLowerCase())),
  }
  for (const { node, isCondition } of texts(job, false)) {
    for (const [, context, name] of expressionsIn(node.value, isCondition).matchAll(reference)) {
      const kind = context!.toLowerCase() as 'needs' | 'steps'
      if (names[kind].has(name!.toLowerCase())) continue
      problems.warning(node, said(kind === 'needs' ? 'alwaysEmptyNeed' : 'alwaysEmptyStep', { name: name! }))
    }
  }
}

/** Not after a dot, where the name would be a field of something else. */
const reference = /(?<![\w.-])(needs|steps)\.([A-Za-z_][\w-]*)/gi

type TextNode = Extract<Node, { kind: 'scalar' }> & { value: string }

function* texts(node: Node, isCondition: boolean): Generator<{ node: TextNode; isCondition: boolean }> {
  if (node.kind === 'mapping') {
    for (const { name, value } of entriesOf(node)) yield* texts(value, name === 'if')
  } else if (node.kind === 'sequence') {
    for (const item of node.items) yield* texts(item, false)
  } else if (typeof node.value === 'string') {
    yield { node: node as TextNode, isCondition }
  }
}

/** The expressions of a text without their quoted parts. */
function expressionsIn(text: string, isCondition: boolean): string {
  if (!text.includes('${{')) return isCondition ? withoutQuotes(text) : ''
  try {
    return withoutQuotes(
      splitTemplate(text)
        .map((each) => (each.expression ? each.text : "''"))
        .join(' '),
    )
  } catch {
    return ''
  }
}

const withoutQuotes = (text: string) => text.replace(/'[^']*'/g, "''")
