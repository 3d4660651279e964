import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Home, openHome } from './home.ts'
import { findHolder, takeLock } from './lock.ts'

function temporaryHome(name = 'home'): Home & Disposable {
  const parent = fs.mkdtempSync(join(tmpdir(), 'juanie-lock-'))
  fs.chmodSync(parent, 0o711)
  const home = openHome(join(parent, name))
  return { ...home, [Symbol.dispose]: () => fs.rmSync(parent, { recursive: true, force: true }) }
}

const first = { pid: 1, url: 'http://127.0.0.1:3000' }
const second = { pid: 2, url: 'http://127.0.0.1:4000' }

test('a second server on the same home is refused and told where the first one is', async () => {
  using home = temporaryHome()
  await using lock = (await takeLock(home, 'server', first))!
  expect(await takeLock(home, 'server', second)).toBeNull()
  expect(await findHolder(home, 'server')).toMatchObject(first)
  lock.announce({ pid: 1, url: 'http://127.0.0.1:3999' })
  expect(await findHolder(home, 'server')).toMatchObject({ pid: 1, url: 'http://127.0.0.1:3999' })
})

test('server and agent of one home do not exclude each other', async () => {
  using home = temporaryHome()
  const agent = {
    pid: 5,
    build: 'b',
    settings: 's',
    edge: { host: '127.0.0.1', port: 8080 },
    isolation: null,
    problem: null,
  }
  await using server = await takeLock(home, 'server', first)
  await using held = await takeLock(home, 'agent', agent)
  expect([server, held]).not.toContain(null)
  expect(await takeLock(home, 'agent', agent)).toBeNull()
  expect(await findHolder(home, 'agent')).toMatchObject(agent)
})

test('after an orderly end the home is free again', async () => {
  using home = temporaryHome()
  for (let round = 0; round < 3; round++) {
    await using lock = await takeLock(home, 'server', first)
    expect(lock).not.toBeNull()
  }
  expect(await findHolder(home, 'server')).toBeNull()
  expect(fs.readdirSync(home.run).length).toBeLessThanOrEqual(1)
})

test('of many that start at once on a stale lock exactly one gets it', async () => {
  using home = temporaryHome()
  for (let round = 0; round < 10; round++) {
    const tries = await Promise.all(Array.from({ length: 8 }, () => takeLock(home, 'server', first)))
    const locks = tries.flatMap((lock) => lock ?? [])
    expect(locks).toHaveLength(1)
    await locks[0]![Symbol.asyncDispose]()
  }
})

test('the lock of a server that was killed with -9 is taken over at once, by one of several processes', async () => {
  using home = temporaryHome()
  const program = `
    import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))}
    const lock = await takeLock(${JSON.stringify({ ...home })}, 'server', { pid: process.pid, url: 'http://127.0.0.1:1' })
    console.log(lock ? 'taken' : 'refused')
    if (lock) setInterval(() => {}, 1000)`
  const file = join(home.path, 'taker.mjs')
  fs.writeFileSync(file, await bundled(program))
  const start = async () => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return { child, said: line.toString().trim() }
  }
  const holder = await start()
  expect(holder.said).toBe('taken')
  holder.child.kill('SIGKILL')
  await once(holder.child, 'exit')
  const starters = await Promise.all([start(), start(), start(), start()])
  expect(starters.map(({ said }) => said).sort()).toEqual(['refused', 'refused', 'refused', 'taken'])
  for (const { child } of starters) {
    if (child.exitCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
})

test.runIf(process.platform === 'linux')(
  'a home with a path longer than a socket may have is locked all the same',
  async () => {
    using home = temporaryHome(join('x'.repeat(90), 'y'.repeat(90)))
    await using lock = await takeLock(home, 'server', first)
    expect(lock).not.toBeNull()
    expect(await takeLock(home, 'server', second)).toBeNull()
    expect(await findHolder(home, 'server')).toMatchObject(first)
  },
)

/** Node 20 does not read TypeScript, so the program that runs as a process of its own is bundled. */
async function bundled(program: string): Promise<string> {
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    input: 'taker',
    platform: 'node',
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === 'taker' ? id : null),
        load: (id) => (id === 'taker' ? program : null),
      },
    ],
  })
  const { output } = await bundle.generate({ format: 'esm' })
  await bundle.close()
  return output[0].code
}
