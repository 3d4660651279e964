import type { Problems } from './problems.ts'
import { said } from './sentences.ts'
import { splitTemplate } from './template.ts'
import { type Node, type ScalarNode, scalarText } from './yaml.ts'

/** Not after a dot, where the name would be a field of something else. */
const outside = /(?<![\w.-])github\.(event|head_ref)\b((?:\.[\w*-]+|\[[^\]]*\])*)/gi

/** Fields that hold no free text: numbers, ids, commits, times, flags. */
const harmless =
  /(^|[._])(id|number|sha|before|after|created|deleted|forced|draft|merged|action|size|run_number|run_attempt|conclusion|created_at|updated_at|type|[a-z_]*_id|[a-z_]*_count)$/i

/**
 * Warns of text from outside that stands in a script: it becomes part of the program before the shell reads it. A title
 * of a pull request, the name of a branch or a message may hold commands.
 */
export function warnOfInjection(node: Node | undefined, problems: Problems): void {
  const text = scalarText(node)
  if (!node || text === undefined || !text.includes('${{') || !/github/i.test(text)) return
  const told = new Set<string>()
  for (const expression of expressionsOf(text)) {
    for (const name of namesIn(expression)) {
      if (told.has(name)) continue
      told.add(name)
      problems.warning(placeOf(node as ScalarNode, name), said('injection', { name }))
    }
  }
}

function expressionsOf(text: string): string[] {
  try {
    return splitTemplate(text).flatMap((each) => (each.expression ? [each.text] : []))
  } catch {
    return [] // Not closed: the schema check reports it.
  }
}

/** Comparisons and tests yield a flag, whatever they look at. */
const yieldsFlag = /^[^&|]*(==|!=|<|>)[^&|]*$|^!?(contains|startsWith|endsWith)\([^&|]*\)$/i

function* namesIn(expression: string): Generator<string> {
  const plain = expression
    .replace(/\s+/g, '')
    .replace(/\['([\w-]+)'\]/g, '.$1')
    .replace(/'[^']*'/g, "''")
  if (yieldsFlag.test(plain)) return
  for (const [, field, path = ''] of plain.matchAll(outside)) {
    if (!harmless.test(path)) yield `github.${field!.toLowerCase()}${path}`
  }
}

/** The line of a block that names it, where it can be told; else the beginning of the text. */
function placeOf({ range, source, style }: ScalarNode, name: string) {
  const { start } = range
  if (style !== 'block' || source === undefined) return start
  const last = name.split('.').at(-1)!
  const at = source.search(new RegExp(`\\$\\{\\{[^\\n]*github[^\\n]*${last.replace(/[^\w-]/g, '.')}`, 'i'))
  if (at < 0) return start
  const before = source.slice(0, at).split('\n')
  return { line: start.line + before.length, column: before.at(-1)!.length + 1 }
}
