import type { Said } from '@juanie/workflow/say'
import { interpolate, type Lookup } from './compose/interpolate.ts'
import type { Problems } from './problems.ts'
import { said } from './sentences.ts'

/**
 * Compose's env files: `NAME=value` lines with `export`, comments, single and double quotes over several lines, and
 * variables in values that are not in single quotes. A name without `=` takes the value that was given, if there is one.
 */
export function parseEnvFile(file: string, text: string, lookup: Lookup, problems: Problems): Map<string, string> {
  const values = new Map<string, string>()
  const find: Lookup = (name) => lookup(name) ?? values.get(name)
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  let position = 0
  const lineAt = (offset: number): number => source.slice(0, offset).split('\n').length
  const wrong = (offset: number, fault: Said) =>
    problems.error({ at: { file, line: lineAt(offset), column: 1 }, said: fault })
  const fill = (value: string, offset: number): string => {
    const { text: filled, errors } = interpolate(value, find)
    for (const fault of errors) wrong(offset, fault)
    return filled
  }

  while (position < source.length) {
    const end = endOfLine(source, position)
    const line = source.slice(position, end)
    const start = position
    position = end + 1
    if (/^\s*(#|$)/.test(line)) continue
    const head = /^\s*(?:export\s+)?([^=:\s]+)[^\S\n]*(?:[=:][^\S\n]*|$)/.exec(line)
    const name = head?.[1]
    if (head === null || name === undefined || !/^[\p{L}\p{N}_.[\]-]+$/u.test(name)) {
      wrong(start, said('envLine', { text: line.trim().slice(0, 60) }))
      continue
    }
    if (!/[=:]/.test(head[0])) {
      const given = lookup(name)
      if (given !== undefined) values.set(name, given)
      continue
    }
    const quote = source[start + head[0].length]
    if (quote !== '"' && quote !== "'") {
      const bare = (line.slice(head[0].length).split(' #')[0] ?? '').trimEnd()
      values.set(name, fill(bare, start))
      continue
    }
    const from = start + head[0].length + 1
    const close = closingQuote(source, from, quote)
    if (close === -1) {
      wrong(start, said('quoteOpen', { name, quote }))
      return values
    }
    const inner = source.slice(from, close).replaceAll(`\\${quote}`, quote)
    values.set(name, quote === "'" ? inner : fill(unescaped(inner), start))
    position = endOfLine(source, close) + 1
    if (!/^.\s*(#|$)/.test(source.slice(close, position).trimEnd())) wrong(start, said('quoteAfter', { name }))
  }
  return values
}

/** `format: raw`: every value is taken as it stands. */
export function parseRawEnvFile(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const equals = line.indexOf('=')
    if (!/^\s*(#|$)/.test(line) && equals > 0) values.set(line.slice(0, equals).trim(), line.slice(equals + 1))
  }
  return values
}

/** The names that an example file lists. */
export function namesOf(text: string): string[] {
  const names = text.matchAll(/^[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][A-Za-z0-9_]*)[^\S\n]*=/gm)
  return [...new Set([...names].map(([, name]) => name as string))]
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}

function closingQuote(text: string, from: number, quote: string): number {
  for (let index = from; index < text.length; index++) {
    if (text[index] === '\\') index += 1
    else if (text[index] === quote) return index
  }
  return -1
}

const controls: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
}

/** `\$` is a dollar sign that begins no variable, so it becomes the `$$` that interpolation knows. */
function unescaped(text: string): string {
  return text.replace(/\\([abfnrtv$"\\]|0[0-7]{0,3})/g, (whole, code: string) => {
    if (code === '$') return '$$'
    if (code.startsWith('0')) return String.fromCharCode(Number.parseInt(code, 8))
    return controls[code] ?? whole
  })
}
