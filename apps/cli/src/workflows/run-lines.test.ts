import { expect, test } from 'vitest'
import { RunLines } from './run-lines.ts'

const lines = (job: string, ...texts: string[]) => ({
  kind: 'lines' as const,
  job,
  step: 'Run it',
  lines: texts.map((text): [number, string] => [0, text]),
})
const texts = (view: RunLines, event: Parameters<RunLines['of']>[0]) => view.of(event).map(({ text }) => text)

test('lines stand below the step that they are of, which is named again when another came between', () => {
  const view = new RunLines({ isColoured: false })
  expect(texts(view, lines('a', 'one'))).toEqual(['— a / Run it', 'one'])
  expect(texts(view, lines('a', 'two'))).toEqual(['two'])
  expect(texts(view, lines('b', 'three'))).toEqual(['— b / Run it', 'three'])
  expect(texts(view, lines('a', 'four'))).toEqual(['— a / Run it', 'four'])
})

test('groups and complaints are marked, by a colour only where one is wanted', () => {
  const said = lines('a', '##[group]Files', '##[endgroup]', '##[error]broken', '##[other]as it is')
  expect(texts(new RunLines({ isColoured: false }), said).slice(1)).toEqual([
    '▸ Files',
    'error: broken',
    '##[other]as it is',
  ])
  expect(texts(new RunLines({ isColoured: true }), said)).toContain('\u001b[31merror: broken\u001b[0m')
})

test('what programs print cannot steer the terminal, but may be coloured', () => {
  const said = lines('a\u001b[2J', '\u001b[31mred\u001b[0m \u001b[2J\u001b]0;title\u0007')
  const shown = texts(new RunLines({ isColoured: true }), said).join('\n')
  expect(shown).toContain('\u001b[31mred\u001b[0m')
  expect(shown).not.toMatch(/\u001b\[2J|\u001b\]|\u0007/)
})

test('a step that ended says of which job it is and how long it took; the end says all in short', () => {
  const view = new RunLines({ isColoured: false })
  expect(texts(view, { kind: 'step', job: 'a', name: 'Run it', status: 'succeeded', durationMs: 1_234 })).toEqual([
    '    a / Run it: succeeded  1.2 s',
  ])
  const at = (second: number) => new Date(second * 1000).toISOString()
  const job = { id: 'a', name: 'a', outputs: {}, summary: '', steps: [] }
  expect(
    texts(view, {
      kind: 'ended',
      run: {
        status: 'timed_out',
        reason: 'job.timed_out',
        workflow: 'CI',
        file: 'ci.yml',
        event: 'push',
        ref: 'refs/heads/main',
        commit: 'c',
        isDirty: false,
        startedAt: at(0),
        finishedAt: at(5),
        unmatched: [],
        jobs: [
          { ...job, status: 'timed_out', reason: 'It took too long.', startedAt: at(1), finishedAt: at(4) },
          { ...job, name: 'b', status: 'skipped', reason: null, startedAt: null, finishedAt: null },
        ],
      },
    }),
  ).toEqual(['', 'CI: timed out in 5.0 s', '  timed out  a  3.0 s', '             It took too long.', '  skipped    b'])
})
