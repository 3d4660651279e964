import { healths } from '@juanie/services/environments/contract'
import { eventTypes } from '@juanie/services/overview/contract'
import { runStatuses } from '@juanie/services/runs/contract'
import { isRunOver } from '@juanie/services/runs/status'
import { expect, test } from 'vitest'
import en from '../../locales/en/events.ts'
import zh from '../../locales/zh-CN/events.ts'
import { plainTypes, sentenceKey, statusShown } from './sentence.ts'

/** Everything that an event of a type may hold, as far as its sentence depends on it. */
const variants = (type: string): Record<string, string>[] => {
  if (type === 'run.finished') return runStatuses.filter((status) => isRunOver(status)).map((status) => ({ status }))
  if (type === 'job.finished') return ['succeeded', 'failed', 'canceled', 'timed_out'].map((status) => ({ status }))
  if (type === 'environment.health_changed') return healths.map((to) => ({ to }))
  if (type === 'release.made') return [{}, { runId: 'x' }]
  return [{}]
}
const read = (catalogue: object, key: string): unknown =>
  key
    .split('.')
    .slice(1)
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], catalogue)

test.each(Object.keys(eventTypes))('%s is said in both languages', (type) => {
  for (const details of variants(type)) {
    const key = sentenceKey({ type, details, run: null })
    expect(key).not.toBe('events.unknown')
    for (const catalogue of [en, zh]) expect(read(catalogue, key)).toEqual(expect.stringMatching(/\S/))
  }
})

test('no sentence is kept for what is never recorded', () => {
  expect(plainTypes.filter((type) => !(type in eventTypes))).toEqual([])
})

test('an event of a newer server is shown by its type', () => {
  expect(sentenceKey({ type: 'budget.exceeded', details: {}, run: null })).toBe('events.unknown')
  expect(sentenceKey({ type: 'run.finished', details: { status: 'evaporated' }, run: null })).toBe('events.unknown')
})

test('what has an outcome shows it', () => {
  expect(statusShown({ type: 'run.finished', details: { status: 'timed_out' } })).toBe('timed_out')
  expect(statusShown({ type: 'deployment.rolled_back', details: {} })).toBe('rolled_back')
  expect(statusShown({ type: 'environment.health_changed', details: { to: 'degraded' } })).toBe('degraded')
  expect(statusShown({ type: 'secret.set', details: {} })).toBeNull()
})
