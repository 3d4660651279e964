/** A value with fewer characters is not masked: it would blank out half of every log. */
const shortestSecret = 4

/** Encoded forms of longer values would cost more memory than they are worth; such values are masked line by line. */
const longestEncoded = 64 * 1024

/**
 * The byte sequences under which a secret may show up: as it is, each of its lines, and encoded as base64 (at each of
 * the three alignments, also wrapped), hex, URL, JSON, XML or a quoted shell word. None begins or ends with white
 * space, so that the end of a line never waits for the next one. Empty for a value that is too short.
 */
export function formsOf(secret: string): Buffer[] {
  const value = secret.trim()
  if ([...value].length < shortestSecret) return []
  const forms = new Set<string>()
  const lines = value.split(/\r?\n/).map((line) => line.trim())
  const masked = lines.filter((line) => line.length >= shortestSecret && /[\p{L}\p{N}]/u.test(line))
  for (const line of masked) forms.add(line)
  // With every line masked by itself the whole adds nothing, and would hold a line back until the next arrives.
  const complete = masked.length === lines.filter((line) => line !== '').length
  if (!complete) forms.add(value)
  if (value.length <= longestEncoded) {
    for (const text of new Set([secret, value, ...(lines.length > 1 ? masked : [])])) {
      for (const form of encodings(text)) forms.add(form.trim())
    }
  }
  return [...forms]
    .filter((form) => form.length >= shortestSecret && !(complete && form.includes('\n')))
    .map((form) => Buffer.from(form))
}

function* encodings(text: string): Generator<string> {
  const bytes = Buffer.from(text)
  yield* base64Forms(bytes)
  const hex = bytes.toString('hex')
  yield hex
  yield hex.toUpperCase()
  // Letters and digits are the same in every form below.
  if (/^[A-Za-z0-9]*$/.test(text)) return
  yield* urlForms(bytes)
  const json = JSON.stringify(text).slice(1, -1)
  yield json
  yield json.replaceAll('/', '\\/')
  yield json.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
  yield text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  yield text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  // As `set -x` prints a word with a quote in it, and as the expression language and SQL write it.
  yield text.replaceAll("'", "'\\''")
  yield text.replaceAll("'", "''")
}

function* base64Forms(bytes: Buffer): Generator<string> {
  for (let offset = 0; offset < 3; offset++) {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    // Characters that hold bits of neighbouring bytes differ with them; what remains is the same in every text.
    const from = Math.ceil((offset * 8) / 6)
    const to = Math.floor(((offset + bytes.length) * 8) / 6)
    for (const form of [encoded.slice(from, to), encoded.slice(from)]) {
      yield form
      yield form.replaceAll('+', '-').replaceAll('/', '_')
    }
    yield encoded.slice(from).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  }
  // base64 and openssl wrap their output after 76 and 64 characters.
  for (const width of [76, 64]) {
    const encoded = bytes.toString('base64')
    if (encoded.length <= width) continue
    for (let start = 0; start < encoded.length; start += width) {
      const line = encoded.slice(start, start + width)
      const known = Math.floor((bytes.length * 8) / 6) - start
      if (line.length >= 8) yield line.slice(0, known)
    }
  }
}

function* urlForms(bytes: Buffer): Generator<string> {
  const component = percentEncode(bytes, /[A-Za-z0-9_.!~*'()-]/)
  const strict = percentEncode(bytes, /[A-Za-z0-9_.~-]/)
  const path = percentEncode(bytes, /[A-Za-z0-9_.!~*'();/?:@&=+$,#-]/)
  for (const form of [component, strict, path]) {
    yield form
    yield form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())
    yield form.replaceAll('%20', '+')
  }
}

function percentEncode(bytes: Buffer, kept: RegExp): string {
  let result = ''
  for (const byte of bytes) {
    const char = String.fromCharCode(byte)
    result += byte < 0x80 && kept.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return result
}
