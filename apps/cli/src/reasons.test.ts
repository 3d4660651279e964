import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { endOf, reasonOf } from './reasons.ts'

const runs = new URL('../../../packages/services/src/runs/', import.meta.url)

/** The keys that the server moves runs, jobs and steps with, out of its own source. */
function keysOfTheServer(): string[] {
  const sources = readdirSync(runs, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?<!\.test)\.ts$/.test(name),
  )
  const text = sources.map((name) => readFileSync(new URL(name, runs), 'utf8')).join('\n')
  const given = [
    ...text.matchAll(/(?:\bmove|\brefused|\bstop|\bcloseSteps|\breason)\b[^\n;]*?'((?:job|run|workflow)\.[a-z_]+)'/g),
  ]
  return [...new Set(given.map(([, key]) => key!))]
}

test('every key that the server gives as a reason is said in words', () => {
  const keys = keysOfTheServer()
  expect(keys).toEqual(expect.arrayContaining(['job.called_failed', 'job.ended', 'job.superseded', 'run.concurrency']))
  for (const key of keys) expect(reasonOf(key), key).not.toBe(key)
})

test('what is no key is shown as it came', () => {
  expect(reasonOf('Run make: The command ended with exit code 2.')).toBe(
    'Run make: The command ended with exit code 2.',
  )
})

test('a run ends in a whole sentence', () => {
  expect(['failed', 'timed_out', 'canceled', 'lost'].map(endOf)).toEqual([
    'has failed',
    'has timed out',
    'was canceled',
    'was lost',
  ])
})
