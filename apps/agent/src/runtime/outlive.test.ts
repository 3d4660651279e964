import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { killTree, sendSignal } from '../host/process-tree.ts'
import { RuntimeHost } from '../testing/runtime-host.ts'

// Real processes on a machine that others may use too.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

let host: RuntimeHost
beforeEach(async () => {
  host = await RuntimeHost.start()
})
afterEach(async () => {
  await host[Symbol.asyncDispose]()
  expect(host.server.problems).toEqual([])
})

describe('an instance outlives its agent', () => {
  test('the next agent adopts it: same process, same port, no restart', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    const before = await host.reaches(web.id, 'healthy')
    host.stopAgent()
    expect(await host.get(web.id, '/')).toMatch(/version 1/)
    await host.startAgent()
    const after = await host.reaches(web.id, 'healthy')
    expect(after).toMatchObject({ pid: before.pid, port: before.port, restarts: 0, startedAt: before.startedAt })
    const numbers = host.server.observed.flatMap(({ instances }) => instances.flatMap((one) => one.probes))
    const bySeq = new Map<number, string>()
    for (const probe of numbers)
      expect(bySeq.set(probe.seq, bySeq.get(probe.seq) ?? probe.at).get(probe.seq)).toBe(probe.at)
  })

  test('its exit code is known though nobody was there, and it is started again', async () => {
    const web = await host.instance({ environment: { VERSION: '1', EXIT_CODE: '17' } })
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    host.stopAgent()
    await host.get(web.id, '/exit')
    await pause(100)
    await host.startAgent()
    await host.until(
      'started again',
      () => host.observed(web.id)?.restarts === 1 && host.observed(web.id)?.state === 'healthy',
    )
    expect(host.observed(web.id)?.exit).toEqual({ code: 17, signal: null })
  })

  test('an adopted one that dies is noticed', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    host.stopAgent()
    await host.startAgent()
    const { pid } = await host.reaches(web.id, 'healthy')
    sendSignal(pid!, 'SIGKILL')
    await host.until(
      'started again',
      () => host.observed(web.id)?.restarts === 1 && host.observed(web.id)?.state === 'healthy',
    )
    expect(host.processes.filter((one) => one.mark.endsWith('/1'))).toEqual([])
  })

  test('after everything was killed the agent alone brings it back, without a server', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    host.stopAgent()
    for (const { pid, mark } of host.processes) await killTree(pid, mark)
    await host.server.stop()
    await host.startAgent()
    await host.until('it runs', () => host.runtime?.observe().instances[0]?.state === 'healthy')
  })

  test('one that its agent could not write down is adopted, not started twice', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    const { pid } = await host.reaches(web.id, 'healthy')
    host.stopAgent()
    fs.rmSync(join(host.agent, 'instances', web.id, 'process.json'))
    await host.startAgent()
    const after = await host.reaches(web.id, 'healthy')
    expect(after).toMatchObject({ pid, restarts: 0 })
    const leaders = host.processes.filter((one) => one.pid === pid)
    expect(leaders).toHaveLength(1)
    expect(new Set(host.processes.map(({ mark }) => mark)).size).toBe(1)
  })

  test('what the server no longer wants when the agent comes back is ended', async () => {
    const [old, web] = [await host.instance(), await host.instance()]
    host.want({ instances: [old, web] })
    await host.reaches(old.id, 'healthy')
    await host.reaches(web.id, 'healthy')
    host.stopAgent()
    host.want({ instances: [web] })
    await host.startAgent()
    await host.until('one is gone', () => host.processes.every(({ mark }) => mark.includes(web.id)))
    expect(host.observed(web.id)?.restarts).toBe(0)
  })

  test('the desired state on disk shows no value and opens only with the host key', async () => {
    const web = await host.instance({ environment: { PASSWORD: 'hunter2-hunter2' } })
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    const names = fs.readdirSync(host.agent, { recursive: true, encoding: 'utf8' })
    for (const name of names) {
      const path = join(host.agent, name)
      if (!fs.statSync(path).isFile()) continue
      expect(fs.readFileSync(path, 'latin1'), name).not.toContain('hunter2')
    }
    expect(fs.statSync(join(host.agent, 'desired.sealed')).mode & 0o777).toBe(0o600)
    expect(fs.statSync(join(host.agent, 'host.key')).mode & 0o777).toBe(0o600)
  })
})

describe('tasks', () => {
  const counting = {
    kind: 'shell',
    line: 'echo once >> "$HOME/count"; cat "$HOME/count"; sleep ${WAIT:-0}; exit ${CODE:-0}',
  } as const

  test('a task runs once, with its output in its log', async () => {
    const task = await host.task({ command: counting })
    host.want({ tasks: [task] })
    await host.until('it succeeded', () => host.observedTask(task.id)?.state === 'succeeded')
    host.want({ tasks: [task] })
    host.stopAgent()
    await host.startAgent()
    await host.until('it is told again', () => host.observedTask(task.id)?.state === 'succeeded')
    await host.until('its line', () => host.lines(task.id).length > 0)
    expect(host.lines(task.id)).toEqual(['once'])
  })

  test('a task that outlives its agent is adopted and ends as it would have', async () => {
    const task = await host.task({ command: counting, environment: { WAIT: '0.5', CODE: '3' } })
    host.want({ tasks: [task] })
    await host.until('it runs', () => host.observedTask(task.id)?.state === 'running')
    await host.until('its line', () => host.lines(task.id).length > 0)
    host.stopAgent()
    await host.startAgent()
    const end = await host.until(
      'it ended',
      () => host.observedTask(task.id)?.state === 'failed' && host.observedTask(task.id),
    )
    expect(end).toMatchObject({ exitCode: 3, reason: 'It exited with code 3.' })
    expect(host.lines(task.id)).toEqual(['once'])
  })

  test('one that was killed with its agent is not run a second time', async () => {
    const task = await host.task({ command: counting, environment: { WAIT: '60' } })
    host.want({ tasks: [task] })
    await host.until('its line', () => host.lines(task.id).length > 0)
    host.stopAgent()
    for (const { pid, mark } of host.processes) await killTree(pid, mark)
    await host.startAgent()
    const end = await host.until(
      'it ended',
      () => host.observedTask(task.id)?.state === 'failed' && host.observedTask(task.id),
    )
    expect(end.reason).toMatch(/interrupted/)
    expect(host.processes).toEqual([])
  })

  test('a task has a time limit, and its failure to start says why', async () => {
    const slow = await host.task({ command: { kind: 'exec', argv: ['sleep', '60'] }, timeoutMs: 300 })
    const wrong = await host.task({ workingDirectory: 'nowhere' })
    host.want({ tasks: [slow, wrong] })
    await host.until('both', () => [slow, wrong].every(({ id }) => host.observedTask(id)?.state === 'failed'))
    expect(host.observedTask(slow.id)?.reason).toBe('It took longer than its time limit of 0.3 s.')
    expect(host.observedTask(wrong.id)?.reason).toMatch(/no folder "nowhere"/)
    expect(host.processes).toEqual([])
  })
})

describe('logs', () => {
  test('lines are numbered without gap across agents, masked, and the file underneath is freed', async () => {
    const script = `
      let n = 0
      const more = () => { for (let i = 0; i < 300 && n < 30000; i++) console.log('line ' + ++n + ' ' + 'x'.repeat(80) + ' hush-hush-1'); if (n < 30000) setTimeout(more, 5) }
      more(); setInterval(() => {}, 1000)`
    const worker = await host.instance({
      port: null,
      bundle: await host.bundle({ 'app.js': script }),
      environment: { TOKEN: 'hush-hush-1' },
      secretNames: ['TOKEN'],
      health: { probe: { kind: 'alive' } },
    })
    host.want({ instances: [worker] })
    await host.until('some lines', () => host.lines(worker.id).length > 2_000)
    host.stopAgent()
    await host.startAgent()
    await host.until('more lines', () => host.lines(worker.id).length > 8_000)
    await host.server.stop()
    await pause(200)
    await host.server.start()
    await host.until('all lines', () => host.lines(worker.id).length >= 30_000)
    const expected = Array.from({ length: 30_000 }, (_, i) => `line ${i + 1} ${'x'.repeat(80)} ***`)
    expect(host.lines(worker.id)).toEqual(expected)
    const file = fs.statSync(join(host.agent, 'instances', worker.id, 'output.1.log'))
    await host.until(
      'it is freed',
      () => fs.statSync(join(host.agent, 'instances', worker.id, 'output.1.log')).blocks * 512 < file.size / 2,
    )
  })

  test('a restart begins a new file, and the lines go on', async () => {
    const web = await host.instance({ environment: { VERSION: '1', SAY: 'one|two' } })
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    await host.get(web.id, '/exit')
    await host.until('again', () => host.lines(web.id).filter((line) => line === 'two').length === 2)
    await host.until(
      'the old file is gone',
      () => !fs.existsSync(join(host.agent, 'instances', web.id, 'output.1.log')),
    )
    expect(host.lines(web.id).slice(0, 4)).toEqual(['starting version 1', 'one', 'two', 'listening'])
  })

  test('a last line without a newline, binary output and a line of 2 MB are stored', async () => {
    const script = `process.stdout.write(Buffer.from([0x61, 0, 0xff, 0x62, 10])); process.stdout.write('z'.repeat(2_000_000) + '\\n'); process.stdout.write('last')`
    const job = await host.instance({
      port: null,
      bundle: await host.bundle({ 'app.js': script }),
      health: { probe: { kind: 'alive' } },
      restart: { policy: 'no' },
    })
    host.want({ instances: [job] })
    await host.until('the last line', () => host.lines(job.id).at(-1) === 'last')
    expect(host.lines(job.id)[0]).toBe('a\ufffd\ufffdb')
    expect(host.lines(job.id).slice(1, -1).join('')).toBe('z'.repeat(2_000_000))
  })
})
