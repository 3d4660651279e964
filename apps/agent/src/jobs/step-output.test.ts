import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OutputPipe } from './step-output.ts'

let folder: string
let pipe: OutputPipe
let read: Buffer[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-pipe-'))
  execFileSync('mkfifo', [join(folder, 'output')])
  pipe = OutputPipe.open(join(folder, 'output'))
  read = []
  pipe.listen((chunk) => read.push(Buffer.from(chunk)))
})

afterEach(() => {
  pipe.close()
  rmSync(folder, { recursive: true })
})

/** Runs a program whose two outputs are the pipe, and waits for its end alone. */
async function run(file: string, args: string[]): Promise<void> {
  const writer = openSync(pipe.path, 'a')
  const child = spawn(file, args, { stdio: ['ignore', writer, writer] })
  closeSync(writer)
  await new Promise((resolve) => child.on('exit', resolve))
}

const text = () => Buffer.concat(read).toString()

test('everything that was printed before the exit is read before the step is drained', async () => {
  await run('sh', ['-c', 'i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done'])
  await pipe.drained()
  expect(text().trimEnd().split('\n')).toEqual(Array.from({ length: 5000 }, (_, index) => `line ${index}`))
})

test('both outputs keep the order in which they were written', async () => {
  await run('sh', ['-c', 'echo one; echo two >&2; echo three; echo four >&2'])
  await pipe.drained()
  expect(text()).toBe('one\ntwo\nthree\nfour\n')
})

test('a background process that holds the output delays nothing and is heard later', async () => {
  await run('sh', ['-c', '(sleep 0.3; echo late) & echo early'])
  await pipe.drained()
  expect(text()).toBe('early\n')
  await expect.poll(text).toBe('early\nlate\n')
})

test('a program that makes its output non-blocking does not spoil the next step', async () => {
  // Node switches a pipe that it gets as stdout to non-blocking.
  await run(process.execPath, ['-e', 'process.stdout.write("from node\\n")'])
  await pipe.drained()
  await run('seq', ['1', '100000'])
  await pipe.drained()
  expect(text().split('\n')).toHaveLength(100_002)
})

test('the mark is taken out also when it arrives in pieces between much output', async () => {
  for (let round = 0; round < 20; round++) {
    await run('head', ['-c', '70001', '/dev/zero'])
    await pipe.drained()
  }
  expect(Buffer.concat(read).equals(Buffer.alloc(20 * 70_001))).toBe(true)
})
