import { expect, test } from 'vitest'
import { Problems } from '../problems.ts'
import { type Node, parseTree, plainValue } from './tree.ts'

const plain = (node: Node): unknown => {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(plain)
  return Object.fromEntries([...node.entries].map(([key, value]) => [key, plain(value)]))
}
function read(text: string) {
  const problems = new Problems()
  const trees = parseTree('compose.yaml', text, problems)
  return { values: trees.map(plain), problems: problems.list.map(({ line, message }) => `${line}: ${message}`), trees }
}

test.each([
  ['yes', 'yes'],
  ['no', 'no'],
  ['true', true],
  ['~', null],
  ['12', 12],
  ['1_000', 1000],
  ['0777', 511],
  ['0o17', 15],
  ['0x1f', 31],
  ['1.50', 1.5],
  ['22:22', '22:22'],
  ['2024-01-01', '2024-01-01'],
  ['12345678901234567890', '12345678901234567890'],
])('the plain word %s means %j', (text, value) => {
  expect(plainValue(text)).toBe(value)
})

test('quotes and blocks make text', () => {
  expect(read(`a: "12"\nb: 'no'\nc: |\n  x\n  y\nd: !!str 5`).values).toEqual([
    { a: '12', b: 'no', c: 'x\ny\n', d: '5' },
  ])
})

test('merge keys: what is written wins, then the earlier source', () => {
  const text = 'x-a: &a { k: 1, l: 1 }\nx-b: &b { k: 2, m: 2 }\ns:\n  <<: [*a, *b]\n  l: 3\nt: { <<: *b }'
  expect(read(text).values[0]).toMatchObject({ s: { k: 1, l: 3, m: 2 }, t: { k: 2, m: 2 } })
})

test('values behind an alias know where they were written', () => {
  const [tree] = read('x: &x\n  k: 1\ns: *x').trees
  const s = tree?.entries.get('s')
  expect(s?.kind === 'map' && s.entries.get('k')?.at).toMatchObject({ line: 2, column: 3 })
})

test.each([
  ['a: 1\nb: [1, 2\nc: 3', /is not valid YAML/],
  ['a: 1\na: 2', /^2: The key a is written twice\./],
  ['a: *nothing', /anchor/i],
  ['- a\n- b', /^1: A Compose file is a mapping/],
  ['? [a]\n: b', /A key must be a plain word/],
  ['a: { <<: 5 }', /takes a mapping/],
])('%j is a problem with its line', (text, problem) => {
  expect(read(text).problems.join()).toMatch(problem)
})

test('an alias bomb is refused before it is expanded', () => {
  const levels = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`)
  const started = performance.now()
  const { problems } = read(`l0: &l0 [x]\n${levels.join('\n')}`)
  expect(problems.join()).toMatch(/more than 100,000 values/)
  expect(performance.now() - started).toBeLessThan(2_000)
})

test('an anchor that is written again holds from there on', () => {
  expect(read('a: &x 1\nb: *x\nc: &y { k: &x 2 }\nd: &x 3\ne: *y\nf: *x').values[0]).toMatchObject({
    b: 1,
    e: { k: 2 },
    f: 3,
  })
})

test('an alias that contains itself is refused', () => {
  expect(read('a: &a\n  b: *a').problems.join()).toMatch(/nested more than 100 levels|anchor/)
})

test('depth and size have an end', () => {
  expect(read(`a: ${'['.repeat(60_000)}`).problems.join()).toMatch(/nested|valid YAML/)
  expect(read(`a: ${'[1,'.repeat(200)}${']'.repeat(200)}`).problems.join()).toMatch(/nested/)
  expect(read(`# ${'x'.repeat(1024 * 1024)}`).problems.join()).toMatch(/larger than 1 MiB/)
})

test('a file of very many keys is read in good time', () => {
  const text = Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join('\n')
  const started = performance.now()
  expect(read(text).problems).toEqual([])
  expect(performance.now() - started).toBeLessThan(5_000)
})

test('an empty file holds nothing', () => {
  expect(read('')).toMatchObject({ values: [], problems: [] })
  expect(read('# only a comment\n')).toMatchObject({ values: [], problems: [] })
})

test('a character that cannot be kept is named with its line', () => {
  expect(read('a: "x\\0"\nb:\n  - "\\uD83D"\n"c\\0": 1\n').problems).toEqual([
    '1: This text must not hold a NUL character.',
    '3: This text holds half of a surrogate pair, which is no character.',
    '4: This key must not hold a NUL character.',
  ])
})
