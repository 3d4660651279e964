import { lexer, type MarkedToken, type Token, type Tokens } from 'marked'
import { h, type VNode } from 'vue'

type Node = VNode | string

/** Longer texts are shown in part: nobody reads them, and a browser is not to work on them for seconds. */
export const maxMarkdown = 100_000
/** What is nested more deeply than any text that is meant to be read is shown as it was written. */
const maxDepth = 30

/**
 * Markdown as elements of a fixed list: nothing of it is ever read as HTML. Links lead to http and https only and
 * without a word about where one comes from; of pictures, which the content policy keeps away, the words stay.
 */
export function markdownNodes(markdown: string): Node[] {
  try {
    const tokens = lexer(markdown.slice(0, maxMarkdown), { gfm: true })
    levelHeadings(tokens)
    return blocks(tokens, 0)
  } catch {
    // Its reader goes as deep as the text is nested.
    return [h('pre', markdown.slice(0, maxMarkdown))]
  }
}

/** Below the headings of the page, and none left out: whoever listens to a page goes by them. */
function levelHeadings(tokens: readonly Token[]): void {
  const headings = tokens.filter((token): token is Tokens.Heading => token.type === 'heading')
  const depths = [...new Set(headings.map(({ depth }) => depth))].toSorted((a, b) => a - b)
  let before = 2
  for (const heading of headings) {
    heading.depth = Math.min(6, 3 + depths.indexOf(heading.depth), before + 1)
    before = heading.depth
  }
}

const blocks = (tokens: readonly Token[] | undefined, depth: number): Node[] =>
  (tokens ?? []).flatMap((token) => node(token as MarkedToken, depth + 1))

function node(token: MarkedToken, depth: number): Node | Node[] {
  if (depth > maxDepth) return token.raw
  const inside = () => blocks('tokens' in token ? token.tokens : undefined, depth)
  switch (token.type) {
    case 'space':
    case 'def':
      return []
    case 'heading':
      // Those in quotes and lists are not levelled.
      return h(`h${Math.max(3, token.depth)}`, inside())
    case 'paragraph':
      return h('p', inside())
    case 'blockquote':
      return h('blockquote', inside())
    case 'strong':
      return h('strong', inside())
    case 'em':
      return h('em', inside())
    case 'del':
      return h('del', inside())
    case 'code':
      return h('pre', { tabindex: 0 }, [h('code', token.text)])
    case 'codespan':
      return h('code', plain(token.text))
    case 'br':
      return h('br')
    case 'hr':
      return h('hr')
    case 'list':
      return h(
        token.ordered ? 'ol' : 'ul',
        token.ordered && token.start !== 1 ? { start: token.start } : null,
        token.items.map((item) => listItem(item, depth)),
      )
    case 'table':
      return table(token, depth)
    case 'link':
      return link(token.href, inside())
    case 'image':
      return link(token.href, [h('em', plain(token.text) || token.href)])
    case 'text':
      return 'tokens' in token && token.tokens ? inside() : plain(token.text)
    case 'escape':
      return token.text
    case 'html':
      return html(token.text)
    default:
      return token.raw
  }
}

function listItem(item: Tokens.ListItem, depth: number): VNode {
  const inside = blocks(
    item.tokens.filter(({ type }) => type !== 'checkbox'),
    depth + 1,
  )
  if (!item.task) return h('li', inside)
  return h('li', [h('input', { type: 'checkbox', checked: item.checked ?? false, disabled: true }), ' ', ...inside])
}

function table({ header, rows }: Tokens.Table, depth: number): VNode {
  const cell = (tag: 'th' | 'td') => (each: Tokens.TableCell) =>
    h(tag, { ...(tag === 'th' && { scope: 'col' }), ...(each.align && { class: `text-${each.align}` }) }, [
      ...blocks(each.tokens, depth + 1),
    ])
  return h('div', { class: 'overflow-x-auto', tabindex: 0 }, [
    h('table', [
      h('thead', [h('tr', header.map(cell('th')))]),
      h(
        'tbody',
        rows.map((row) => h('tr', row.map(cell('td')))),
      ),
    ]),
  ])
}

function link(href: string, inside: Node[]): Node | Node[] {
  const url = URL.canParse(href) ? new URL(href) : null
  if (!url || !['http:', 'https:'].includes(url.protocol)) return inside
  return h('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, inside)
}

/** A line break is one, a comment says nothing, all else is text. */
function html(text: string): Node[] {
  return text
    .replace(/<!--[\s\S]*?(-->|$)/g, '')
    .split(/<br\s*\/?>/i)
    .flatMap((part, index) => (index === 0 ? [part] : [h('br'), part]))
}

const entities: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  copy: '©',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  rarr: '→',
  times: '×',
}

function plain(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]+));/gi, (written, decimal, hex, name) => {
    if (name) return entities[name] ?? written
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : written
  })
}
