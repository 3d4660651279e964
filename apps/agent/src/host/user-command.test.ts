import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isRunning } from '@juanie/core/process-identity'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { findIsolation, type HostIsolation } from './isolation.ts'
import { killTree, listeningPorts, mainProcess, marked, sendSignal, treeOf } from './process-tree.ts'
import { readExit, startUserProcess, type UserCommand, type UserProcessOptions } from './user-command.ts'

// Real processes on a machine that others may use too.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const node = process.execPath
let withBubblewrap: HostIsolation
let without: HostIsolation
let folder: string
let count = 0
let mark: string

beforeAll(async () => {
  withBubblewrap = await findIsolation({ tools: [] })
  without = await findIsolation({ tools: [], useBubblewrap: false })
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-user-'))
  chmodSync(folder, 0o777)
  mark = `test-${process.pid}-${count++}`
})
afterEach(() => {
  expect(marked(mark)).toEqual([])
  rmSync(folder, { recursive: true, force: true })
})

const kinds = ['without bubblewrap', 'with bubblewrap'] as const

describe.each(kinds)('a program of a user, %s', (kind) => {
  const isolation = () => (kind === 'with bubblewrap' ? withBubblewrap : without)
  const works = () => kind === 'without bubblewrap' || withBubblewrap.bubblewrap !== null

  async function start(command: UserCommand, options: Partial<UserProcessOptions> = {}) {
    const output = openSync(join(folder, 'out'), 'a')
    const exitFile = openSync(join(folder, 'exit'), 'w')
    try {
      return await startUserProcess({
        command,
        cwd: folder,
        env: { PATH: '/usr/local/bin:/usr/bin:/bin', SECRET: 'tr4vel by environment' },
        role: 'application',
        isolation: isolation(),
        binds: [{ path: folder, isWritable: true }],
        stdio: ['ignore', output, output],
        mark,
        exitFile,
        ...options,
      })
    } finally {
      closeSync(output)
      closeSync(exitFile)
    }
  }
  const output = () => readFileSync(join(folder, 'out'), 'utf8')
  const exit = () => readExit(readFileSync(join(folder, 'exit'), 'utf8'))
  async function until(found: () => unknown) {
    for (let i = 0; i < 1000; i++) {
      if (found()) return
      await pause(5)
    }
    throw new Error(`never came true; printed: ${output()}`)
  }

  test('gets its environment and nothing else, and its exit code is written down', async (context) => {
    if (!works()) return context.skip('bubblewrap does not work on this machine')
    const process = await start({ kind: 'shell', line: 'env; pwd; id -un; ls -l /proc/$$/fd | grep socket; exit 7' })
    expect(await process.exited).toEqual({ code: 0, signal: null })
    expect(exit()).toEqual({ code: 7, signal: null })
    expect(output()).toContain('SECRET=tr4vel by environment\n')
    expect(output()).toContain(folder)
    expect(output()).not.toMatch(/^(HOME|npm_|NODE|VITEST)/m)
    expect(output()).not.toContain('socket:')
  })

  test('shows no value of its environment among the arguments of any process', async (context) => {
    if (!works()) return context.skip('bubblewrap does not work on this machine')
    const { pid } = await start({ kind: 'exec', argv: ['sleep', '30'] })
    await until(() => mainProcess(pid))
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain('tr4vel')
    await killTree(pid, mark)
  })

  test('takes a signal as if nothing stood in between, and its end is known', async (context) => {
    if (!works()) return context.skip('bubblewrap does not work on this machine')
    const script = `process.on('SIGTERM', () => { console.log('term'); process.exit(3) }); console.log('up'); setInterval(() => {}, 1000)`
    const { pid, exited } = await start({ kind: 'exec', argv: [node, '-e', script] })
    await until(() => output().includes('up'))
    sendSignal(mainProcess(pid)!.pid, 'SIGTERM')
    await exited
    expect(exit()).toEqual({ code: 3, signal: null })
    expect(output()).toContain('term')
  })

  test('that is killed by a signal reads so', async (context) => {
    if (!works()) return context.skip('bubblewrap does not work on this machine')
    const { pid, exited } = await start({ kind: 'exec', argv: ['sleep', '30'] })
    await until(() => mainProcess(pid))
    sendSignal(mainProcess(pid)!.pid, 'SIGKILL')
    await exited
    expect(exit()).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('is ended with all of its tree, whatever it does to stay', async (context) => {
    if (!works()) return context.skip('bubblewrap does not work on this machine')
    const stubborn = `trap '' TERM HUP INT; (trap '' TERM HUP INT; setsid sleep 61 & ) ; setsid sh -c 'sleep 62 & sleep 63' & sleep 64`
    const { pid } = await start({ kind: 'shell', line: stubborn })
    const sleepers = () =>
      treeOf(pid, mark).filter((one) => /sleep\0/.test(readFileSync(`/proc/${one}/cmdline`, 'latin1')))
    await until(() => sleepers().length >= 4)
    const all = treeOf(pid, mark)
    expect(await killTree(pid, mark)).toBe(true)
    for (const one of all) expect(existsSync(`/proc/${one}`) && !isZombie(one)).toBe(false)
  })

  test('that does not exist ends with 127 and says so', async (context) => {
    if (!works()) return context.skip('bubblewrap does not work on this machine')
    const { exited } = await start({ kind: 'exec', argv: ['no-such-program'] })
    await exited
    expect(exit()?.code).not.toBe(0)
    expect(output()).toContain('no-such-program')
  })

  test('has its ports found', async (context) => {
    if (!works()) return context.skip('bubblewrap does not work on this machine')
    const script = `require('net').createServer().listen(0, '127.0.0.1', function () { console.log('port', this.address().port) })`
    const { pid } = await start({ kind: 'exec', argv: [node, '-e', script] })
    await until(() => /port \d+\n/.test(output()))
    expect(listeningPorts(treeOf(pid, mark))).toEqual([Number(/port (\d+)/.exec(output())?.[1])])
    await killTree(pid, mark)
  })
})

test('what the loader does by the environment of a program, it does not do outside of bubblewrap', async (context) => {
  if (!withBubblewrap.bubblewrap) return context.skip('bubblewrap does not work on this machine')
  const exitFile = openSync(join(folder, 'exit'), 'w')
  const { exited } = await startUserProcess({
    command: { kind: 'shell', line: 'true' },
    cwd: folder,
    // It writes a file for each program that it loads, as LD_PRELOAD would bring code into each.
    env: { LD_DEBUG: 'libs', LD_DEBUG_OUTPUT: join(folder, 'loaded') },
    role: 'application',
    isolation: withBubblewrap,
    binds: [{ path: folder, isWritable: true }],
    stdio: ['ignore', 'ignore', 'ignore'],
    mark,
    exitFile,
  })
  expect(await exited).toEqual({ code: 0, signal: null })
  closeSync(exitFile)
  const loaded = readdirSync(folder).filter((name) => name.startsWith('loaded'))
  // Processes are counted from 1 inside.
  expect(loaded).toEqual([expect.stringMatching(/^loaded\.\d$/)])
})

test('a large environment with every kind of text arrives whole, and cannot become an option', async (context) => {
  if (!withBubblewrap.bubblewrap) return context.skip('bubblewrap does not work on this machine')
  const start = (env: Record<string, string>) => {
    const output = openSync(join(folder, 'out'), 'w')
    return startUserProcess({
      command: { kind: 'exec', argv: [node, '-e', 'console.log(JSON.stringify(process.env))'] },
      cwd: folder,
      env,
      role: 'application',
      isolation: withBubblewrap,
      binds: [{ path: folder, isWritable: true }],
      stdio: ['ignore', output, output],
      mark,
    }).finally(() => closeSync(output))
  }
  const env = {
    LARGE: 'x'.repeat(120_000),
    ...Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`NAME_${i}`, `värde ${i}`])),
    OPTION: '--bind',
    EMPTY: '',
    LINES: 'one\ntwo\n',
    JUANIE_PROCESS: 'another',
  }
  const { exited } = await start(env)
  expect(await exited).toEqual({ code: 0, signal: null })
  const printed = JSON.parse(readFileSync(join(folder, 'out'), 'utf8'))
  expect(printed).toMatchObject({ ...env, JUANIE_PROCESS: mark })
  await expect(start({ CUT: 'a\0--bind\0/\0/' })).rejects.toThrow('CUT')
})

test('bubblewrap hides the files of others', async (context) => {
  if (!withBubblewrap.bubblewrap) return context.skip('bubblewrap does not work on this machine')
  const other = join(folder, 'other')
  const own = join(folder, 'own')
  for (const path of [other, own]) mkdirSync(path)
  chmodSync(own, 0o777)
  writeFileSync(join(other, 'secret'), 'x')
  const { exited } = await startUserProcess({
    command: { kind: 'shell', line: `test ! -e ${other}/secret && touch here && ! touch /usr/x 2>/dev/null` },
    cwd: own,
    env: { PATH: '/usr/bin:/bin' },
    role: 'application',
    isolation: withBubblewrap,
    binds: [{ path: own, isWritable: true }],
    stdio: ['ignore', 'ignore', 'ignore'],
    mark,
  })
  expect(await exited).toEqual({ code: 0, signal: null })
  expect(existsSync(join(own, 'here'))).toBe(true)
})

test('as root, a program of a user is not root', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('this test needs root')
  const file = openSync(join(folder, 'id'), 'w')
  const started = await startUserProcess({
    command: { kind: 'exec', argv: ['id', '-un'] },
    cwd: folder,
    env: { PATH: '/usr/bin:/bin' },
    role: 'step',
    isolation: without,
    binds: [],
    stdio: ['ignore', file, 'ignore'],
    mark,
  })
  await started.exited
  closeSync(file)
  expect(readFileSync(join(folder, 'id'), 'utf8')).toBe('juanie-run\n')
  expect(started.identity === null || !isRunning(started.identity)).toBe(true)
})

const isZombie = (pid: number) => {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return true
  }
}
