import { expect, test } from 'vitest'
import { type CommandEvent, CommandParser } from './commands.ts'

const read = (line: string) => new CommandParser().push(line)

test.each<[string, CommandEvent]>([
  ['plain text', { kind: 'output', text: 'plain text' }],
  ['', { kind: 'output', text: '' }],
  ['::group::Install', { kind: 'group', title: 'Install' }],
  ['::endgroup::', { kind: 'endgroup' }],
  ['##[group]Install', { kind: 'group', title: 'Install' }],
  ['##[endgroup]', { kind: 'endgroup' }],
  ['  ::debug::x', { kind: 'debug', message: 'x' }],
  ['::ERROR::x', { kind: 'annotation', level: 'error', message: 'x' }],
  ['before ##[error]x', { kind: 'annotation', level: 'error', message: 'x' }],
  [
    '::error file=a%2Cb%3Ac.js,line=3,endLine=5,title=Bad%0Athing::first%0Asecond%25%0D',
    {
      kind: 'annotation',
      level: 'error',
      message: 'first\nsecond%\r',
      file: 'a,b:c.js',
      line: 3,
      endLine: 5,
      title: 'Bad\nthing',
    },
  ],
  [
    '::warning file=a.js,line=3,col=4,endColumn=9::w',
    { kind: 'annotation', level: 'warning', message: 'w', file: 'a.js', line: 3, column: 4, endColumn: 9 },
  ],
  ['::notice line=x,col=2::n', { kind: 'annotation', level: 'notice', message: 'n' }],
  ['::notice endLine=2::n', { kind: 'annotation', level: 'notice', message: 'n', line: 2, endLine: 2 }],
  ['::error line=3,endLine=5,col=1::n', { kind: 'annotation', level: 'error', message: 'n', line: 3, endLine: 5 }],
  ['::error::100%25 %250A', { kind: 'annotation', level: 'error', message: '100% %0A' }],
  ['::add-mask::s3cret%0Aline', { kind: 'add-mask', value: 's3cret\nline' }],
  ['::echo::on', { kind: 'echo', on: true }],
  ['::unknown::x', { kind: 'output', text: '::unknown::x' }],
  ['::error no end', { kind: 'output', text: '::error no end' }],
  ['a ::error::x', { kind: 'output', text: 'a ::error::x' }],
  ['##[unknown]x', { kind: 'output', text: '##[unknown]x' }],
])('the line %j', (line, event) => {
  expect(read(line)).toEqual(event)
})

test('the old ways to set values work and say that they are old', () => {
  expect(read('::set-output name=a::1%0A2')).toMatchObject({ kind: 'set-output', name: 'a', value: '1\n2' })
  expect(read('::set-output name=a::1')).toMatchObject({ warning: expect.stringContaining('GITHUB_OUTPUT') })
  expect(read('::save-state name=b::2')).toMatchObject({ kind: 'save-state', name: 'b', value: '2' })
})

test('what cannot be obeyed says why', () => {
  expect(read('::set-output::1')).toMatchObject({ kind: 'refused', message: expect.stringContaining('name') })
  expect(read('::set-env name=A::1')).toMatchObject({ kind: 'refused', message: expect.stringContaining('GITHUB_ENV') })
  expect(read('::add-path::/x')).toMatchObject({ kind: 'refused', message: expect.stringContaining('GITHUB_PATH') })
  expect(read('::echo::maybe')).toMatchObject({ kind: 'refused' })
  expect(read('::add-matcher::x.json')).toEqual({ kind: 'add-matcher', file: 'x.json' })
  expect(read('::remove-matcher owner=a::')).toEqual({ kind: 'remove-matcher', named: { owner: 'a' } })
  expect(read('##[remove-matcher]x.json')).toEqual({ kind: 'remove-matcher', named: { file: 'x.json' } })
  expect(read('::add-mask:: ')).toMatchObject({ kind: 'ignored' })
  for (const token of ['', 'error', 'pause-logging', 'a b']) {
    expect(read(`::stop-commands::${token}`), token).toMatchObject({ kind: 'refused' })
  }
})

test('between stop-commands and its token everything is output', () => {
  const parser = new CommandParser()
  expect(parser.push('::stop-commands::T0ken')).toEqual({ kind: 'stop-commands', token: 'T0ken' })
  expect(parser.push('::error::x')).toEqual({ kind: 'output', text: '::error::x' })
  expect(parser.push('::stop-commands::other')).toEqual({ kind: 'output', text: '::stop-commands::other' })
  expect(parser.push('::t0KEN::')).toEqual({ kind: 'resume-commands' })
  expect(parser.push('::error::x')).toMatchObject({ kind: 'annotation' })
  expect(parser.push('::T0ken::')).toEqual({ kind: 'output', text: '::T0ken::' })
})

test('a line of 50 MB is output, at once', () => {
  const line = `::error::${'x'.repeat(50_000_000)}`
  const start = performance.now()
  expect(read(line).kind).toBe('output')
  expect(read(`${' '.repeat(50_000_000)}::error::x`).kind).toBe('output')
  expect(performance.now() - start).toBeLessThan(200)
})
