/**
 * PostgreSQL stores neither the character NUL nor half of a surrogate pair, whatever the column, and no environment
 * variable holds a NUL. With the `u` flag a whole pair is one character, so that only halves match.
 */
const unstorable = /[\0\p{Surrogate}]/u
const everyUnstorable = /[\0\p{Surrogate}]/gu

/** Null for a text that can be kept, else what is wrong with it, to follow the name of the field. */
export function whyUnstorable(text: string): string | null {
  const found = unstorable.exec(text)
  if (!found) return null
  return found[0] === '\0' ? 'must not hold a NUL character' : 'holds half of a surrogate pair, which is no character'
}

/** Deeper than anything that a caller has a reason to send. */
const maxDepth = 64

/** A sentence that names the field of the first text in parsed JSON, names included, that cannot be stored. */
export function unstorableText(value: unknown, path: readonly string[] = []): string | null {
  const field = path.join('.') || 'input'
  if (typeof value === 'string') {
    const why = whyUnstorable(value)
    return why && `${field}: ${why}.`
  }
  if (typeof value !== 'object' || value === null) return null
  if (path.length >= maxDepth) return `${path.slice(0, 3).join('.')}: is nested too deeply.`
  for (const [name, inner] of Object.entries(value)) {
    const why = whyUnstorable(name)
    if (why) return `${field}: a name in it ${why}.`
    const wrong = unstorableText(inner, [...path, name])
    if (wrong) return wrong
  }
  return null
}

/** Parsed JSON with U+FFFD for each character that cannot be stored: for what a program said and nobody can mend. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return (unstorable.test(value) ? value.replace(everyUnstorable, '\ufffd') : value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(storable) as T
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [storable(name), storable(inner)])) as T
}

/**
 * What a terminal may show of a text from outside: control characters, which move its cursor, and those that turn the
 * direction of what follows become U+FFFD. Line ends and tabs stay.
 */
export const plain = (text: string): string =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD')
