import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { UsageLook } from './usage.ts'

test('processor time is told as a share of the time since the look before', () => {
  let cpuMs = 1_000
  const look = new UsageLook((pids) => new Map(pids.map((pid) => [pid, { memoryBytes: 5_000, cpuMs }])))
  const one = [{ id: 'a', runningPid: 7 }]
  expect(look.take(one, 1_000)).toEqual([{ id: 'a', memoryBytes: 5_000, cpu: null }])
  cpuMs = 4_000
  expect(look.take(one, 3_000)).toEqual([{ id: 'a', memoryBytes: 5_000, cpu: 1.5 }])
  // A process of the tree ended and took its time along.
  cpuMs = 100
  expect(look.take(one, 4_000)).toEqual([{ id: 'a', memoryBytes: 5_000, cpu: 0 }])
  // Another process under the same id begins anew.
  expect(look.take([{ id: 'a', runningPid: 8 }], 5_000)).toEqual([{ id: 'a', memoryBytes: 5_000, cpu: null }])
  expect(look.take([{ id: 'a', runningPid: null }], 6_000)).toEqual([])
})

test('a process that computes is seen to, with its memory', { skip: process.platform !== 'linux' }, async () => {
  const busy = spawn(process.execPath, ['-e', 'const until = Date.now() + 20_000; while (Date.now() < until);'], {
    stdio: 'ignore',
    detached: true,
  })
  try {
    const look = new UsageLook()
    const one = [{ id: 'a', runningPid: busy.pid! }]
    look.take(one)
    const end = performance.now() + 15_000
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      const [used] = look.take(one)
      expect(used!.memoryBytes).toBeGreaterThan(10 * 1024 * 1024)
      if (used!.cpu! > 0.05) break
      expect(performance.now()).toBeLessThan(end)
    }
  } finally {
    busy.kill('SIGKILL')
  }
})
