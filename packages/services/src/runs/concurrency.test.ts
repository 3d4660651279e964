import { expect, test } from 'vitest'
import { decideGroup } from './concurrency-group.ts'

const claim = (
  id: string,
  state: 'waiting' | 'holding' | 'ousted',
  more: { cancels?: boolean; queue?: boolean } = {},
) => ({
  id,
  state,
  cancelsOthers: more.cancels ?? false,
  isQueue: more.queue ?? false,
})
const nothing = { hold: null, supersede: [], oust: null }

test('a free group goes to the newest that waits, and those before it are superseded', () => {
  expect(decideGroup([])).toEqual(nothing)
  expect(decideGroup([claim('a', 'waiting')])).toEqual({ ...nothing, hold: 'a' })
  expect(decideGroup([claim('a', 'waiting'), claim('b', 'waiting'), claim('c', 'waiting')])).toEqual({
    hold: 'c',
    supersede: ['a', 'b'],
    oust: null,
  })
})

test('a group that is held keeps its holder, and one waits', () => {
  expect(decideGroup([claim('a', 'holding'), claim('b', 'waiting')])).toEqual(nothing)
  expect(decideGroup([claim('a', 'holding'), claim('b', 'waiting'), claim('c', 'waiting')])).toEqual({
    ...nothing,
    supersede: ['b'],
  })
})

test('only the newest says whether the holder must go, and it is told once', () => {
  const cancels = { cancels: true }
  expect(decideGroup([claim('a', 'holding'), claim('b', 'waiting', cancels)])).toEqual({ ...nothing, oust: 'a' })
  expect(decideGroup([claim('a', 'ousted'), claim('b', 'waiting', cancels)])).toEqual(nothing)
  expect(decideGroup([claim('a', 'holding', cancels), claim('b', 'waiting')])).toEqual(nothing)
})

test('a group that keeps a queue supersedes none, and the oldest is next', () => {
  const queue = { queue: true }
  const waiting = [claim('b', 'waiting', queue), claim('c', 'waiting', queue)]
  expect(decideGroup([claim('a', 'holding', queue), ...waiting])).toEqual(nothing)
  expect(decideGroup(waiting)).toEqual({ ...nothing, hold: 'b' })
})
