/** One piece of an XML text, in its order. */
export type XmlPiece =
  | { kind: 'open'; name: string; attributes: Record<string, string>; isEmpty: boolean }
  | { kind: 'close'; name: string }
  | { kind: 'text'; text: string }

const maxPieces = 2_000_000
const named: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/**
 * Reads as much of XML as reports use. There are no declarations, so there is nothing that could grow or be fetched: a
 * text with a document type is refused.
 */
export function* readXml(text: string): Generator<XmlPiece> {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  for (let count = 0; at < text.length; count++) {
    if (count > maxPieces) throw new Error('it has too many pieces')
    const open = text.indexOf('<', at)
    const end = open < 0 ? text.length : open
    if (end > at) yield { kind: 'text', text: plain(text.slice(at, end)) }
    if (open < 0) return
    if (text.startsWith('<!--', open)) at = after(text, '-->', open + 4)
    else if (text.startsWith('<![CDATA[', open)) {
      at = after(text, ']]>', open + 9)
      yield { kind: 'text', text: text.slice(open + 9, at - 3) }
    } else if (text.startsWith('<!', open)) throw new Error('it declares a document type')
    else if (text.startsWith('<?', open)) at = after(text, '?>', open + 2)
    else {
      at = endOfTag(text, open + 1) + 1
      yield tagOf(text.slice(open + 1, at - 1))
    }
  }
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  if (at < 0) throw new Error('it ends too early')
  return at + mark.length
}

/** A `>` may stand in the value of an attribute. */
function endOfTag(text: string, from: number): number {
  let quote = ''
  for (let at = from; at < text.length; at++) {
    const character = text[at]!
    if (quote !== '') {
      if (character === quote) quote = ''
    } else if (character === '"' || character === "'") quote = character
    else if (character === '>') return at
  }
  throw new Error('it ends too early')
}

function tagOf(inside: string): XmlPiece {
  if (inside.startsWith('/')) return { kind: 'close', name: localName(inside.slice(1).trim()) }
  const isEmpty = inside.endsWith('/')
  const body = isEmpty ? inside.slice(0, -1) : inside
  const [name = ''] = /^[^\s]*/.exec(body) ?? []
  const attributes: Record<string, string> = {}
  for (const [, key, double, single] of body.slice(name.length).matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    if (key) attributes[key] = plain(double ?? single ?? '')
  }
  return { kind: 'open', name: localName(name), attributes, isEmpty }
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

function plain(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]{2,4}));/g, (all, decimal, hex, name) => {
    if (name) return named[name as string] ?? all
    const code = decimal ? Number(decimal) : Number.parseInt(hex as string, 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
  })
}
