import type { Job, RunDefaults, Template } from '@juanie/workflow'

/**
 * Which secrets a job names, directly or in what it inherits from its workflow: only those are given to it. `all`
 * where an expression takes the context as a whole or by a computed name.
 */
export function secretsNamed(
  job: Job,
  workflow: { env: Record<string, Template>; defaults: RunDefaults },
): string[] | 'all' {
  return secretsIn([{ ...job, position: null }, workflow.env, workflow.defaults])
}

/** Which secrets the texts of a value name. */
export function secretsIn(value: unknown): string[] | 'all' {
  const names = new Set<string>()
  for (const text of textsOf(value)) {
    for (const name of namedIn(text)) {
      if (name === null) return 'all'
      names.add(name.toUpperCase())
    }
  }
  return [...names]
}

const token = /\}\}|'(?:[^']|'')*'|[A-Za-z_][\w-]*|\S/g

/** Names after `secrets` in the expressions of a template; null for the context as a whole. */
function* namedIn(text: string): Generator<string | null> {
  if (!/secrets/i.test(text)) return
  for (let start = text.indexOf('${{'); start >= 0; start = text.indexOf('${{', start + 3)) {
    const tokens: string[] = []
    for (const [found] of text.slice(start + 3).matchAll(token)) {
      if (found === '}}') break
      tokens.push(found)
    }
    for (const [index, each] of tokens.entries()) {
      if (each.toLowerCase() !== 'secrets' || tokens[index - 1] === '.') continue
      const [opening, name = '', closing] = tokens.slice(index + 1, index + 4)
      if (opening === '.' && /^[A-Za-z_]/.test(name)) yield name
      else if (opening === '[' && name.startsWith("'") && closing === ']') {
        yield name.slice(1, -1).replaceAll("''", "'")
      } else yield null
    }
  }
}

/** A condition may stand without braces; every other text is a template. */
function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (Array.isArray(value)) for (const each of value) yield* textsOf(each)
  else if (value !== null && typeof value === 'object') {
    for (const [key, each] of Object.entries(value)) {
      if (key === 'if' && typeof each === 'string' && !each.includes('${{')) yield `\${{ ${each} }}`
      else yield* textsOf(each)
    }
  }
}
