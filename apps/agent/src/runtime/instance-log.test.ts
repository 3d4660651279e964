import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { InstanceLog, type InstanceLogParts } from './instance-log.ts'
import { outputFile } from './managed-process.ts'

let folder: string
let logs: InstanceLog[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-log-'))
  logs = []
})
afterEach(() => {
  for (const log of logs) log.close()
  rmSync(folder, { recursive: true, force: true })
})

const print = (text: string, attempt = 1) => appendFileSync(outputFile(folder, attempt), text)
function open(parts: Partial<InstanceLogParts> = {}): InstanceLog {
  const log = new InstanceLog({ folder, instanceId: 'i', secrets: [], wake: () => {}, ...parts })
  logs.push(log)
  return log
}
/** Takes once, as the sender does; the text of the lines with the number of the first. */
function take(log: InstanceLog, maxBytes = 1_000_000): [number, string[]] | null {
  const piece = log.take(maxBytes)
  return piece && [piece.firstSeq, JSON.parse(`[${piece.body}]`).map(([, text]: [number, string]) => text)]
}

test('only complete lines are numbered while the process runs', () => {
  const log = open()
  print('one\ntwo\nthr')
  expect(take(log)).toEqual([1, ['one', 'two']])
  log.acknowledged(2)
  expect(take(log)).toBeNull()
  print('ee\n')
  expect(take(log)).toEqual([3, ['three']])
  log.acknowledged(3)
  print('last')
  log.ended(1)
  expect(take(log)).toEqual([4, ['last']])
  log.acknowledged(4)
  expect(log.isSettled).toBe(true)
})

test('what was not acknowledged is taken again with the same numbers, by the next agent too', () => {
  const log = open()
  print('a\nb\nc\n')
  expect(take(log)).toEqual([1, ['a', 'b', 'c']])
  log.rewind()
  expect(take(log)).toEqual([1, ['a', 'b', 'c']])
  log.acknowledged(1)
  expect(take(log)).toEqual([2, ['b', 'c']])
  expect(take(open())).toEqual([2, ['b', 'c']])
})

test('a restart goes on in its own file after the last line of the one before', () => {
  const log = open()
  print('a\nhalf')
  print('b\n', 2)
  log.ended(1)
  expect(take(log)).toEqual([1, ['a', 'half']])
  log.acknowledged(2)
  expect(take(log)).toEqual([3, ['b']])
})

test('secrets are masked line by line, also one of several lines, and no line is lost by it', () => {
  const log = open({ secrets: ['s3cr3t-value', 'first-line-of-key\nsecond-line-of-key'] })
  print('has s3cr3t-value inside\nfirst-line-of-key\nsecond-line-of-key\nc2VjcmV0 plain\n')
  expect(take(log)).toEqual([1, ['has *** inside', '***', '***', 'c2VjcmV0 plain']])
})

test('a long line is cut into pieces that do not depend on how it arrived', () => {
  const line = '线'.repeat(50_000)
  const whole = open()
  print(`${line}\n`)
  const pieces = take(whole)?.[1]
  expect(pieces?.join('')).toBe(line)
  expect(pieces?.length).toBeGreaterThan(2)

  rmSync(outputFile(folder, 1))
  const slowly = open()
  const arrived: string[] = []
  const bytes = Buffer.from(`${line}\n`)
  for (let at = 0; at < bytes.length; at += 10_007) {
    appendFileSync(outputFile(folder, 1), bytes.subarray(at, at + 10_007))
    const taken = take(slowly)
    if (!taken) continue
    arrived.push(...taken[1])
    slowly.acknowledged(taken[0] + taken[1].length - 1)
  }
  expect(arrived).toEqual(pieces)
})

test('beyond the cap the oldest output goes, and a marker line with its own number says how much', () => {
  const log = open({ capBytes: 10_000 })
  for (let i = 1; i <= 1_000; i++) print(`line ${i} ${'.'.repeat(30)}\n`)
  log.poke()
  const [first, lines] = take(log)!
  expect(first).toBe(1)
  const dropped = Number(/^\[juanie: (\d+) bytes of output are not stored/.exec(lines[0]!)?.[1])
  expect(dropped).toBeGreaterThan(20_000)
  expect(lines[1]).toMatch(/^line \d+ \.{30}$/)
  log.acknowledged(1)
  expect(take(log)).toEqual([2, lines.slice(1)])
  expect(take(open())).toEqual([2, lines.slice(1)])
})

test('an unwanted stream is not read any more', () => {
  const log = open()
  print('a\n')
  take(log)
  log.acknowledged(null)
  print('b\n')
  expect(take(log)).toBeNull()
  expect(log.isSettled).toBe(true)
})
