import { expect, test } from 'vitest'
import { startedWords } from './push-words.ts'

const run = { number: 1, url: 'http://juanie/main/shop/runs/1', status: 'queued', problems: [] } as const

test('the name of a workflow writes no line of its own and no colour to the terminal of a pusher', () => {
  const started = [{ ...run, workflow: '\u001b[31mred\nJuanie: all is well' }] as never
  expect(startedWords(started, 1)).toEqual([
    'Juanie: run #1 of \ufffd[31mred Juanie: all is well started, watch it at',
    '  http://juanie/main/shop/runs/1',
  ])
})
