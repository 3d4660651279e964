import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { identify, isRunning, processes, signal, waitUntilGone } from './process-identity.ts'

test('a process is recognised while it runs, and gone after its end', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const identity = identify(child.pid!)!
  expect(isRunning(identity)).toBe(true)
  expect(signal(identity, 'SIGKILL')).toBe(true)
  await once(child, 'exit')
  expect(await waitUntilGone(identity, 1000)).toBe(true)
  expect(signal(identity, 'SIGTERM')).toBe(false)
})

test('another process with the same number, or another boot, is not taken for it', () => {
  const self = identify(process.pid)!
  expect(isRunning(self)).toBe(true)
  expect(isRunning({ ...self, startTime: '1' })).toBe(false)
  expect(isRunning({ ...self, bootId: 'another' })).toBe(false)
})

test.each([0, -1, 1.5, Number.NaN, 2 ** 31])('%s is no process', (pid) => {
  expect(identify(pid)).toBeNull()
})

test.runIf(process.platform === 'linux')('a zombie that nobody reaps does not count as running', async () => {
  // The shell starts a child and becomes a program that never waits for it.
  const parent = spawn('sh', ['-c', 'sleep 0.05 & echo $!; exec sleep 5'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const identity = identify(Number(line.toString()))
  try {
    if (identity) expect(await waitUntilGone(identity, 2000)).toBe(true)
    expect(identify(Number(line.toString()))).toBeNull()
  } finally {
    parent.kill('SIGKILL')
    await once(parent, 'exit')
  }
})

test.runIf(process.platform === 'linux')('the living processes are listed with their folder and command', () => {
  const self = [...processes()].find((facts) => facts.pid === process.pid)
  expect(self).toMatchObject({ cwd: process.cwd() })
  expect(self?.command).toContain('node')
})
