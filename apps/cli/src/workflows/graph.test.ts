import { expect, test } from 'vitest'
import { drawGraph } from './graph.ts'

const draw = (jobs: Record<string, string[]>) =>
  drawGraph(Object.entries(jobs).map(([id, needs]) => ({ id, needs }))).join('\n')

test('a job alone, and none', () => {
  expect(draw({ build: [] })).toBe('build')
  expect(draw({})).toBe('')
})

test('jobs meet in what needs them', () => {
  expect(draw({ lint: [], test: [], build: ['lint', 'test'], deploy: ['build'] })).toBe(
    `lint ─┐         ┌─ deploy
      ├─ build ─┘
test ─┘`,
  )
})

test('lines cross without meeting, and go past jobs', () => {
  expect(draw({ a: [], bbbb: [], c: ['a'], d: ['a', 'bbbb'], e: ['bbbb'], f: ['a', 'c'], docs: [] })).toBe(
    `a ────┬┬─┐     ┌─ f
      └│─│─ c ─┤
bbbb ──┼┐│     │
       └││─ d  │
docs    ││     │
        └│─ e  │
         │     │
         └─────┘`,
  )
})

test('a need that is not there draws nothing', () => {
  expect(draw({ a: ['gone'], b: ['a'] })).toBe('a ─┐\n   └─ b')
})
