import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { RuntimeHost } from '../testing/runtime-host.ts'

// Real processes on a machine that others may use too.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const megabytes = 6

test('on a full disk what runs goes on, what is new says why, and with room again all goes on', async (context) => {
  const small = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=711`, 'juanie-test']
  if (process.getuid?.() !== 0) return context.skip('only root can mount a small disk')
  await using host = await RuntimeHost.start({
    prepare: (folder) => execFileSync('mount', [...small, folder]),
    restore: (folder) => execFileSync('umount', ['--lazy', folder]),
  })
  const old = await host.instance()
  host.want({ instances: [old], routes: [host.route(old)] })
  const { pid } = await host.reaches(old.id, 'healthy')

  const large = await host.instance({ bundle: await host.bundle({ large: 'x'.repeat(megabytes * 600_000) }) })
  host.want({ instances: [old, large], routes: [host.route(old)] })
  expect((await host.reaches(large.id, 'failed')).reason).toBe('The disk of the host is full.')
  expect(host.observed(old.id)).toMatchObject({ state: 'healthy', pid, restarts: 0 })

  const filler = join(host.agent, 'filler')
  const full = fs.openSync(filler, 'w')
  try {
    for (;;) fs.writeSync(full, Buffer.alloc(4096))
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  }
  fs.closeSync(full)
  const next = await host.instance({ environment: { VERSION: '2' } })
  host.want({ instances: [old, next], routes: [host.route(old)] })
  await host.get(old.id, '/exit')
  await host.until('it says so', () => host.said.some((line) => /could not be taken in|disk/.test(line)))
  fs.rmSync(filler)
  await host.until(
    'the old one is back',
    () => host.observed(old.id)?.state === 'healthy' && host.observed(old.id)!.restarts > 0,
  )
  await host.until('the new state is in', () => host.runtime?.revision === 3)
  expect(host.server.problems).toEqual([])
})
