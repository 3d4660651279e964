import { expect, test } from 'vitest'
import { createSSRApp, h } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { markdownNodes, maxMarkdown } from './markdown.ts'

const shown = async (markdown: string) =>
  (await renderToString(createSSRApp({ render: () => h('div', markdownNodes(markdown)) }))).slice(5, -6)

test('what summaries are made of is shown: headings, tables, lists, code, links', async () => {
  expect(await shown('# Tests\n\nAll **good**, _mostly_.')).toBe(
    '<h3>Tests</h3><p>All <strong>good</strong>, <em>mostly</em>.</p>',
  )
  expect(await shown('| a | b |\n|---|--:|\n| 1 | `x` |')).toBe(
    '<div class="overflow-x-auto" tabindex="0"><table><thead><tr><th scope="col">a</th><th scope="col" class="text-right">b</th></tr></thead>' +
      '<tbody><tr><td>1</td><td class="text-right"><code>x</code></td></tr></tbody></table></div>',
  )
  expect(await shown('3. three\n4. four')).toBe('<ol start="3"><li>three</li><li>four</li></ol>')
  expect(await shown('- [x] done')).toContain('<input type="checkbox" checked disabled>')
  expect(await shown('```sh\nls <a>\n```')).toBe('<pre tabindex="0"><code>ls &lt;a&gt;</code></pre>')
  expect(await shown('[docs](https://example.com/a?b=1&c=2 "t")')).toBe(
    '<p><a href="https://example.com/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer nofollow">docs</a></p>',
  )
  expect(await shown('a &amp; b &#8364; &#x41; &unknown;')).toBe('<p>a &amp; b € A &amp;unknown;</p>')
})

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:msgbox(1))',
  '<javascript:alert(1)>',
  '![x](javascript:alert(1))',
  '![x"onerror="alert(1)](https://example.com/a.png)',
  '[x](/relative)',
  '<svg><style>*{display:none}</style></svg>',
  '<iframe src="https://evil.example"></iframe>',
  '"><b onmouseover=alert(1)>',
  '&#60;script&#62;alert(1)&#60;/script&#62;',
  '`<script>`',
  '```"><script>\nx\n```',
  '| <img src=x onerror=alert(1)> |\n|---|\n| <script> |',
])('nothing of %s becomes an element or a link that acts', async (markdown) => {
  const html = await shown(markdown)
  const elements = [...html.matchAll(/<(\w+)([^>]*)>/g)]
  for (const [, name, attributes] of elements) {
    expect(['p', 'a', 'em', 'code', 'pre', 'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'br']).toContain(name)
    expect(attributes).not.toMatch(/\son\w+=|javascript:|style=/i)
    if (name === 'a') expect(attributes).toMatch(/^ href="https?:\/\//)
  }
})

test('headings begin below those of the page, and no level is left out', async () => {
  const levels = async (markdown: string) =>
    [...(await shown(markdown)).matchAll(/<h(\d)>/g)].map(([, level]) => Number(level))
  expect(await levels('### a\n##### b\n### c\n# d')).toEqual([3, 4, 4, 3])
  expect(await levels('###### a\n# b\n###### c')).toEqual([3, 3, 4])
})

test('a picture is its words, as a link to it', async () => {
  expect(await shown('![coverage](https://example.com/c.svg)')).toContain('<em>coverage</em></a>')
})

test('hostile sizes and depths are shown as text, soon', async () => {
  expect(await shown(`${'>'.repeat(20_000)} deep`)).toContain('deep')
  expect(await shown(`${'['.repeat(5_000)}x`)).toContain('[[[')
  const long = await shown('x'.repeat(maxMarkdown * 2))
  expect(long.length).toBeLessThan(maxMarkdown + 100)
})
