/** One piece of a template: text as it stands, or the inside of `${{ … }}`. */
export interface Segment {
  expression: boolean
  text: string
}

export class TemplateError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TemplateError'
  }
}

/**
 * Cuts a template at its expressions. `}}` inside a quoted string does not end an expression; a doubled quote
 * toggles twice and so needs no care. Throws TemplateError when an expression is not closed.
 */
export function splitTemplate(text: string): Segment[] {
  const segments: Segment[] = []
  let from = 0
  for (;;) {
    const open = text.indexOf('${{', from)
    if (open < 0) break
    if (open > from) segments.push({ expression: false, text: text.slice(from, open) })
    const close = endOfExpression(text, open + 3)
    if (close < 0) throw new TemplateError('An expression is opened by ${{ but not closed by }}.')
    segments.push({ expression: true, text: text.slice(open + 3, close).trim() })
    from = close + 2
  }
  if (from < text.length) segments.push({ expression: false, text: text.slice(from) })
  return segments
}

function endOfExpression(text: string, from: number): number {
  let quoted = false
  for (let index = from; index < text.length - 1; index++) {
    const char = text[index]
    if (char === "'") quoted = !quoted
    else if (!quoted && char === '}' && text[index + 1] === '}') return index
  }
  return -1
}

export function hasExpression(text: string): boolean {
  return text.includes('${{')
}

/** The key under which a mapping takes in what an expression yields. */
export const insertKey = '${{ insert }}'

export const isInsert = (key: string): boolean => /^\$\{\{\s*insert\s*\}\}$/.test(key.trim())
