import { type CommandEvent, Masker } from '@juanie/workflow'
import { expect, test } from 'vitest'
import { StepLog } from './log-writer.ts'
import type { JobUpstream } from './upstream.ts'

function open(options: { secrets?: string[]; limit?: number } = {}) {
  const lines: string[] = []
  const commands: [CommandEvent, number][] = []
  const masker = new Masker(options.secrets ?? [])
  const limit = options.limit ?? 1_000_000
  const log = new StepLog({
    upstream: {
      log: (_, batch) => lines.push(...batch.map(([, text]) => text)),
    } as Partial<JobUpstream> as JobUpstream,
    stream: { kind: 'step', jobId: 'job', fence: 1, step: 0 },
    masker,
    budget: { left: limit, limit },
    onCommand: (command, line) => {
      commands.push([command, line])
      if (command.kind === 'add-mask') masker.add(command.value)
    },
  })
  return { log, lines, commands }
}

test('lines are cut at newlines wherever the chunks are cut', () => {
  const { log, lines } = open()
  for (const byte of Buffer.from('one\ntwo ä 汉\r\n\nlast')) log.write(Buffer.from([byte]))
  log.end()
  expect(lines).toEqual(['one', 'two ä 汉', '', 'last'])
  expect(log.lines).toBe(4)
})

test('a secret is masked when it is split over chunks, and a mask that is asked for holds from the next line on', () => {
  const { log, lines } = open({ secrets: ['hunter2hunter2'] })
  log.write(Buffer.from('a hunter2'))
  log.write(Buffer.from('hunter2 b\n::add-mask::opensesame\nsay opensesame\n'))
  log.end()
  expect(lines).toEqual(['a *** b', 'say ***'])
})

test('commands are told with the line that shows them', () => {
  const { log, lines, commands } = open()
  log.write(Buffer.from('::group::Build\nx\n::endgroup::\n::error file=a.js,line=3::It broke\n'))
  log.end()
  expect(lines).toEqual(['##[group]Build', 'x', '##[endgroup]', '##[error]It broke'])
  expect(commands.map(([command, line]) => [command.kind, line])).toEqual([
    ['group', 1],
    ['endgroup', 3],
    ['annotation', 4],
  ])
})

test('a line of 50 MB is cut and says how much is missing', () => {
  const { log, lines } = open({ limit: 100_000_000 })
  const piece = Buffer.alloc(1024 * 1024, 'x')
  for (let count = 0; count < 50; count++) log.write(piece)
  log.write(Buffer.from('\nnext\n'))
  log.end()
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(/^x{131072} … \[juanie: the line is cut here, 52297728 more characters are not stored\]$/)
  expect(lines[1]).toBe('next')
})

test('the limit of the log is a line of its own, and what follows costs nothing', () => {
  const { log, lines } = open({ limit: 20 })
  log.write(Buffer.from('0123456789\n0123456789\nmore\n'))
  log.end()
  expect(lines).toEqual([
    '0123456789',
    '0123456789',
    '[juanie: the log of this job reached its limit of 20 bytes; the rest is not stored]',
  ])
})

test('bytes that are no text are shown as replacement characters, NUL among them', () => {
  const { log, lines } = open()
  log.write(Buffer.from([0x61, 0xff, 0x00, 0x62, 0x0a]))
  log.end()
  expect(lines).toEqual(['a\uFFFD\uFFFDb'])
})
