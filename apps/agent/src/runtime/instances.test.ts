import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
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

describe('starting', () => {
  test('an instance is fetched, started and healthy after three good probes, with evidence', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    const observed = await host.reaches(web.id, 'healthy')
    expect(observed).toMatchObject({ reason: null, restarts: 0, exit: null })
    const probes = host.server.observed.flatMap(({ instances }) => instances.flatMap((one) => one.probes))
    const good = [...new Map(probes.map((probe) => [probe.seq, probe])).values()].filter((probe) => probe.good)
    expect(good.length).toBeGreaterThanOrEqual(3)
    expect(good[0]).toMatchObject({ status: 200, body: 'version 1 for shop.localhost' })
  })

  test('its environment is complete, clean and its own', async () => {
    const web = await host.instance({ environment: { VERSION: '1', OWN: 'yes' } })
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    const env = JSON.parse(await host.get(web.id, '/env'))
    expect(Object.keys(env).sort()).toEqual(
      ['HOME', 'HOST', 'JUANIE_PROCESS', 'LANG', 'OWN', 'PATH', 'PORT', 'PWD', 'TMPDIR', 'VERSION'].filter(
        (name) => name in env || name !== 'PWD',
      ),
    )
    expect(env).toMatchObject({ HOST: '127.0.0.1', PORT: String(host.observed(web.id)?.port), OWN: 'yes' })
    expect(fs.statSync(env.HOME).isDirectory()).toBe(true)
  })

  test('one that is slow is waited for within its limit', async () => {
    const web = await host.instance({ environment: { VERSION: '1', SLOW: '1500' } })
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
  })

  test('one that waits for another starts after it is healthy', async () => {
    const first = await host.instance({ service: 'base', environment: { SLOW: '400' } })
    const second = await host.instance({ after: [{ instanceId: first.id, condition: 'healthy' }] })
    host.want({ instances: [second, first] })
    await host.reaches(second.id, 'healthy')
    const [a, b] = [host.observed(first.id), host.observed(second.id)]
    expect(Date.parse(b?.startedAt ?? '') - Date.parse(a?.startedAt ?? '')).toBeGreaterThan(400)
  })

  test('a command through a shell, and a worker without a port', async () => {
    const worker = await host.instance({
      port: null,
      command: { kind: 'shell', line: 'echo "from $VERSION"; sleep 60' },
      health: { probe: { kind: 'alive' } },
    })
    host.want({ instances: [worker] })
    await host.reaches(worker.id, 'healthy')
    await host.until('its line', () => host.lines(worker.id)[0] === 'from 1')
  })

  test('a health command has the environment of its instance', async () => {
    const web = await host.instance({
      health: {
        probe: { kind: 'command', command: { kind: 'shell', line: 'test "$VERSION" = 1 && echo "port $PORT"' } },
      },
    })
    host.want({ instances: [web] })
    const { port } = await host.reaches(web.id, 'healthy')
    const bodies = host.server.observed.flatMap(({ instances }) =>
      instances.flatMap((one) => one.probes.map((p) => p.body)),
    )
    expect(bodies).toContain(`port ${port}\n`)
  })
})

describe('what does not start says why', () => {
  const short = { startLimitMs: 700 }
  const cases: [string, Parameters<RuntimeHost['instance']>[0], RegExp][] = [
    [
      'never opens its port',
      { environment: { NEVER_OPEN: '1' }, health: short },
      /never opened its port: nothing listened on \d+/,
    ],
    [
      'ignores PORT',
      { environment: { OTHER_PORT: '3123' }, health: short },
      /listens on port 3123, not on \d+, the port that PORT names/,
    ],
    [
      'answers badly',
      { environment: { SICK: '1' }, health: { ...short, probe: { kind: 'http', path: '/up', status: [[200, 299]] } } },
      /GET \/up answered 500, not 200 to 299/,
    ],
    [
      'redirects to https',
      {
        environment: { REDIRECT: '1' },
        health: { ...short, probe: { kind: 'http', path: '/', status: [[200, 299]] } },
      },
      /redirected to https:\/\/shop\.localhost\/.*served over http/,
    ],
    ['exits', { environment: { CRASH_AT_ONCE: '4' } }, /exited with code 4 before it became healthy.*3 times/],
    ['exits and may not be restarted', { environment: { CRASH_AT_ONCE: '5' }, restart: { policy: 'no' } }, /code 5/],
    [
      'is no program',
      { command: { kind: 'exec', argv: ['no-such-program'] }, restart: { policy: 'no' } },
      /exited with code 127/,
    ],
    ['has no such folder', { workingDirectory: 'nowhere' }, /working_dir: there is no folder "nowhere"/],
  ]
  test.each(cases)('an application that %s', async (_, change, reason) => {
    const web = await host.instance(change)
    host.want({ instances: [web] })
    const observed = await host.reaches(web.id, 'failed')
    expect(observed.reason).toMatch(reason)
    expect(host.processes).toEqual([])
  })

  test('a health path that hangs counts as bad after the probe timeout', async () => {
    const silent = `require('net').createServer((socket) => socket.on('error', () => {})).listen(Number(process.env.PORT), '127.0.0.1')`
    const web = await host.instance({
      bundle: await host.bundle({ 'app.js': silent }),
      health: { startLimitMs: 600, timeoutMs: 150 },
    })
    host.want({ instances: [web] })
    expect((await host.reaches(web.id, 'failed')).reason).toMatch(/got no answer within 150 ms/)
  })

  test('a damaged bundle', async () => {
    const web = await host.instance()
    host.server.blobs.set(web.bundle, Buffer.from('something else'))
    host.want({ instances: [web] })
    expect((await host.reaches(web.id, 'failed')).reason).toMatch(/is damaged: .* has the digest sha256:/)
  })

  test('a bundle that the server does not have', async () => {
    const web = await host.instance({ bundle: `sha256:${'0'.repeat(64)}` })
    host.want({ instances: [web] })
    expect((await host.reaches(web.id, 'failed')).reason).toMatch(/The server gave no bundle sha256:000/)
  })

  test('one that waits for what failed', async () => {
    const base = await host.instance({
      service: 'base',
      environment: { CRASH_AT_ONCE: '1' },
      restart: { policy: 'no' },
    })
    const web = await host.instance({ after: [{ instanceId: base.id, condition: 'healthy' }] })
    host.want({ instances: [base, web] })
    expect((await host.reaches(web.id, 'failed')).reason).toMatch(
      /It waits for base, which failed: It exited with code 1/,
    )
  })
})

test('a port that another program takes between choice and start is no fault of the application', async () => {
  const web = await host.instance({ environment: { VERSION: '1', SLOW: '400' } })
  host.want({ instances: [web] })
  const { port } = await host.until('a port', () => {
    const instance = host.observed(web.id)
    return instance?.state === 'starting' && instance.port !== null ? instance : null
  })
  const thief = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nthief'))
  await new Promise<void>((resolve) => thief.listen(port!, '127.0.0.1', resolve))
  try {
    const observed = await host.reaches(web.id, 'healthy')
    expect(observed.port).not.toBe(port)
    expect(await host.get(web.id, '/')).toBe(`version 1 for 127.0.0.1:${observed.port}`)
  } finally {
    thief.close()
  }
})

describe('running', () => {
  test('one that crashes is started again after a pause that grows, and shown so', async () => {
    const web = await host.instance({ environment: { EXIT_CODE: '9' } })
    host.want({ instances: [web] })
    const first = await host.reaches(web.id, 'healthy')
    await host.get(web.id, '/exit')
    const down = await host.until('backing off', () => {
      const all = host.server.observed.flatMap(({ instances }) => instances)
      return all.find(({ state }) => state === 'backing_off')
    })
    expect(down.reason).toMatch(/exited with code 9\. It is started again after 0\.0 s/)
    expect(down.exit).toEqual({ code: 9, signal: null })
    await host.until(
      'up again',
      () => host.observed(web.id)?.restarts === 1 && host.observed(web.id)?.state === 'healthy',
    )
    // The edge knows the instance by its port.
    expect(host.observed(web.id)?.port).toBe(first.port)
    expect(host.observed(web.id)?.pid).not.toBe(first.pid)
  })

  test('one whose probes turn bad is unhealthy, and healthy again after a good one', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    await host.get(web.id, '/sicken')
    expect((await host.reaches(web.id, 'unhealthy')).reason).toMatch(/GET \/ answered 500/)
  })

  test('a job that ends with 0 is completed, and what waits for it starts', async () => {
    const job = await host.instance({
      service: 'setup',
      port: null,
      command: { kind: 'shell', line: 'sleep 0.2; echo done' },
      health: { probe: { kind: 'alive' } },
      restart: { policy: 'on-failure', maxRetries: 2 },
    })
    const web = await host.instance({ after: [{ instanceId: job.id, condition: 'completed' }] })
    host.want({ instances: [job, web] })
    await host.reaches(web.id, 'healthy')
    expect(host.observed(job.id)).toMatchObject({ state: 'completed', exit: { code: 0, signal: null } })
  })

  test('on-failure gives up after its number of restarts', async () => {
    const web = await host.instance({
      environment: { VERSION: '1' },
      restart: { policy: 'on-failure', maxRetries: 1 },
    })
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    await host.get(web.id, '/exit')
    await host.until(
      'restarted',
      () => host.observed(web.id)?.restarts === 1 && host.observed(web.id)?.state === 'healthy',
    )
    await host.get(web.id, '/exit')
    expect((await host.reaches(web.id, 'failed')).reason).toMatch(/started 2 times/)
  })

  test('one that uses more memory than it may is ended with that reason', async () => {
    const web = await host.instance({
      environment: { HOLD: '1' },
      limits: { memoryBytes: 150 * 1024 * 1024, cpus: 0.5 },
    })
    host.want({ instances: [web] })
    await host.until('the reason', () => {
      const all = host.server.observed.flatMap(({ instances }) => instances)
      return all.some(({ reason }) => /more than its limit of 150 MiB/.test(reason ?? ''))
    })
    expect(host.observed(web.id)?.notHonoured.join()).toMatch(/cpus: this host has no control groups/)
  })
})

describe('stopping', () => {
  test('drains, then takes the stop signal, then nothing of it is left', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    host.want({ instances: [{ ...web, want: 'stopped' }] })
    const observed = await host.reaches(web.id, 'stopped')
    expect(observed.exit).toEqual({ code: null, signal: 'SIGTERM' })
    expect(host.edge.drains).toContainEqual({ target: web.id, limitMs: 500 })
    expect(host.processes).toEqual([])
  })

  test('one that ignores the signal is killed with its tree when the grace is over', async () => {
    const web = await host.instance({
      environment: { STUBBORN: '1' },
      command: { kind: 'shell', line: "trap '' TERM; setsid sleep 71 & node app.js & wait" },
      stop: { signal: 'SIGTERM', graceMs: 200 },
    })
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    expect(host.processes.length).toBeGreaterThan(2)
    host.want({ instances: [{ ...web, want: 'stopped' }] })
    await host.reaches(web.id, 'stopped')
    expect(host.processes).toEqual([])
    expect(host.lines(web.id)).toContain('ignored')
  })

  test('what is no longer wanted is ended and its folder removed once its log is stored', async () => {
    const web = await host.instance()
    host.want({ instances: [web] })
    await host.reaches(web.id, 'healthy')
    host.want({})
    await host.until('the folder is gone', () => !fs.existsSync(join(host.agent, 'instances', web.id)))
    expect(host.processes).toEqual([])
    expect(host.lines(web.id)).toContain('listening')
    await host.until('the bundle is gone', () => fs.readdirSync(join(host.agent, 'bundles')).length === 0)
  })
})
