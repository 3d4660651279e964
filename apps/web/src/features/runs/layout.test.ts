import { expect, test } from 'vitest'
import { layoutOf, nodeSize, pathThrough } from './layout.ts'

const diamond = [
  { key: 'build', needs: [] },
  { key: 'left', needs: ['build'] },
  { key: 'right', needs: ['build', 'gone'] },
  { key: 'deploy', needs: ['left', 'right', 'build'] },
]

test('what needs another stands to the right of it, and nothing lies on something else', () => {
  const { places, width, height } = layoutOf(diamond)
  const at = (key: string) => places.get(key)!
  for (const { key, needs } of diamond) {
    for (const need of needs) {
      if (need !== 'gone') expect(at(key).x).toBeGreaterThanOrEqual(at(need).x + nodeSize.width)
    }
  }
  const all = [...places.values()]
  for (const [index, a] of all.entries()) {
    expect(a.x).toBeGreaterThanOrEqual(0)
    expect(a.x + nodeSize.width).toBeLessThanOrEqual(width)
    expect(a.y + nodeSize.height).toBeLessThanOrEqual(height)
    for (const b of all.slice(index + 1)) {
      expect(Math.abs(a.x - b.x) >= nodeSize.width || Math.abs(a.y - b.y) >= nodeSize.height).toBe(true)
    }
  }
})

test('each need is one line, from the right side of the one to the left side of the other', () => {
  const { edges, places } = layoutOf(diamond)
  expect(edges.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([
    'build deploy',
    'build left',
    'build right',
    'left deploy',
    'right deploy',
  ])
  const line = edges.find(({ from, to }) => from === 'build' && to === 'left')!
  const start = places.get('build')!
  expect(line.path).toMatch(new RegExp(`^M${start.x + nodeSize.width} `))
  expect(line.path).toMatch(new RegExp(`C.* ${places.get('left')!.x} [\\d.]+$`))
})

test('a hundred jobs without needs are laid out too, and none at all', () => {
  const many = Array.from({ length: 100 }, (_, index) => ({ key: `job${index}`, needs: [] }))
  expect(layoutOf(many).places.size).toBe(100)
  expect(layoutOf([]).edges).toEqual([])
  expect(pathThrough([])).toBe('')
})
