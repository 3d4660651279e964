import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { findHolder } from '@juanie/core/lock'
import { portHolder, tryListen } from '@juanie/core/port-holder'
import { identify, processes, waitUntilGone } from '@juanie/core/process-identity'
import { freePort } from '@juanie/core/testing/index'
import { expect, test } from 'vitest'
import { Installation } from './lib/installation.ts'

const isRoot = process.getuid?.() === 0

const isReady = async (url: string) => (await fetch(`${url}/readyz`)).status === 200

/** The status of the edge for a hostname that no environment has. */
const edgeAnswers = (port: number) => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.status)

const postmaster = (installation: Installation): number =>
  Number(fs.readFileSync(join(installation.home().database, 'data', 'postmaster.pid'), 'utf8').split('\n')[0])

test('a first start is a whole installation, Ctrl-C leaves agent and edge, and the next start adopts them', async () => {
  const installation = await Installation.make()
  {
    await using _ = installation
    const first = await installation.start()
    expect(first.output()).toMatch(new RegExp(`Juanie +${installation.url}\\n`))
    expect(first.output()).toMatch(new RegExp(`${installation.url}/setup/\\S+`))
    expect(first.output()).toContain(installation.env.JUANIE_HOME)
    expect(first.output()).toMatch(/Isolation +(isolated|separate users|trusted)/)
    expect(first.output()).toContain('apps/cli/bin/juanie.mjs')
    expect(await isReady(installation.url)).toBe(true)
    expect(await edgeAnswers(installation.edgePort)).toBe(404)
    const agent = (await installation.agent())!
    const edge = (await portHolder(installation.edgePort))!
    const database = identify(postmaster(installation))!

    const began = performance.now()
    const ended = await first.interrupt()
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(ended.code).toBe(0)
    expect(await waitUntilGone(database, 0)).toBe(true)
    expect(await tryListen('127.0.0.1', installation.port)).toBe('free')
    expect(identify(agent.pid)).not.toBeNull()
    expect(await edgeAnswers(installation.edgePort)).toBe(404)

    const second = await installation.start()
    expect((await installation.agent())!.pid).toBe(agent.pid)
    expect((await portHolder(installation.edgePort))!.pid).toBe(edge.pid)
    await second.interrupt()

    const down = await installation.juanie('down')
    expect(down.code).toBe(0)
    expect(down.stdout).toContain('agent')
    expect(await tryListen('127.0.0.1', installation.edgePort)).toBe('free')
    const home = installation.home()
    const living = [...processes()].filter(
      ({ command, cwd }) => cwd?.startsWith(home.path) || command.includes(home.path),
    )
    expect(living.map(({ command }) => command)).toEqual([])
  }
  expect(installation.leftBehind()).toEqual([])
})

test('with an administrator in the configuration the account is ready at once', async () => {
  await using installation = await Installation.make({
    JUANIE_ADMIN_EMAIL: 'ada@example.com',
    JUANIE_ADMIN_PASSWORD: 'correct horse battery',
  })
  const server = await installation.start()
  expect(server.output()).toContain('The account ada@example.com is ready.')
  expect(server.output()).not.toContain('correct horse')
  expect(server.output()).not.toContain('/setup/')
  await server.interrupt()
})

test('a second server on the same home is refused and told where the first one is', async () => {
  await using installation = await Installation.make()
  const first = await installation.start()
  const second = await installation.startToEnd({ PORT: String(await freePort()), EDGE_PORT: String(await freePort()) })
  expect(second.code).toBe(1)
  expect(second.stderr).toContain(`already runs on ${installation.env.JUANIE_HOME} at ${installation.url}`)
  expect(await isReady(installation.url)).toBe(true)
  await first.interrupt()
})

test.each(['PORT', 'EDGE_PORT'])(
  'a taken %s ends the start before anything was begun, naming port and holder',
  async (variable) => {
    await using installation = await Installation.make()
    const holder = createServer().listen(Number(installation.env[variable]), '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const ended = await installation.startToEnd()
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain(`${variable}: port ${port} is taken by process ${process.pid} (`)
    expect(fs.existsSync(join(installation.home().database, 'data'))).toBe(false)
    expect(await findHolder(installation.home(), 'agent')).toBeNull()
    holder.close()
  },
)

test('a server that was killed with -9 is started again at once, with its database', async () => {
  await using installation = await Installation.make()
  const first = await installation.start()
  const database = postmaster(installation)
  await first.kill()
  const second = await installation.start()
  expect(postmaster(installation)).toBe(database)
  expect(await isReady(installation.url)).toBe(true)
  await second.interrupt()
})

test('an agent and an edge that were killed with -9 are back within a second', async () => {
  await using installation = await Installation.make()
  const server = await installation.start()
  const agent = (await installation.agent())!
  process.kill(agent.pid, 'SIGKILL')
  let began = performance.now()
  await expect
    .poll(async () => (await installation.agent())?.pid ?? agent.pid, { timeout: 5_000, interval: 20 })
    .not.toBe(agent.pid)
  expect(performance.now() - began).toBeLessThan(1_000)
  await expect
    .poll(async () => (await installation.agent())?.edge?.port, { timeout: 5_000 })
    .toBe(installation.edgePort)

  process.kill((await portHolder(installation.edgePort))!.pid, 'SIGKILL')
  began = performance.now()
  await expect.poll(() => edgeAnswers(installation.edgePort).catch(() => 0), { timeout: 5_000, interval: 20 }).toBe(404)
  expect(performance.now() - began).toBeLessThan(1_000)
  await server.interrupt()
})

test('another edge port is served by the same edge, without another process noticing', async () => {
  await using installation = await Installation.make()
  await (await installation.start()).interrupt()
  const edge = (await portHolder(installation.edgePort))!
  const other = await freePort()
  const server = await installation.start({ EDGE_PORT: String(other) })
  expect((await portHolder(other))!.pid).toBe(edge.pid)
  expect(await tryListen('127.0.0.1', installation.edgePort)).toBe('free')
  await server.interrupt()
})

test('up returns when the server is ready, says so again when it is up, and down ends it', async () => {
  await using installation = await Installation.make()
  const up = await installation.juanie('up')
  expect(up).toMatchObject({ code: 0, stdout: expect.stringContaining('Juanie is up.') })
  expect(await isReady(installation.url)).toBe(true)
  // A one-time link is for the person at the terminal, not for a log.
  const link = /\/setup\/\S+/.exec(up.stdout)![0]
  expect(fs.readFileSync(join(installation.home().logs, 'server.log'), 'utf8')).not.toContain(link)
  const again = await installation.juanie('up')
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining(`up already at ${installation.url}`) })
  const down = await installation.juanie('down', '--json')
  expect(JSON.parse(down.stdout).ended).toEqual(['server', 'agent', 'edge and applications'])
  expect(await installation.juanie('down')).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing runs') })
})

test('up says what the server said when it does not start', async () => {
  await using installation = await Installation.make()
  const holder = createServer().listen(installation.port, '127.0.0.1')
  await once(holder, 'listening')
  const up = await installation.juanie('up')
  expect(up).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(`PORT: port ${installation.port} is taken`),
  })
  holder.close()
})

test('an agent alone in the foreground is adopted by the next start', async () => {
  await using installation = await Installation.make()
  await (await installation.start()).interrupt()
  await installation.juanie('down')
  const alone = installation.launch([join(installation.root, 'apps', 'cli', 'bin', 'juanie.mjs'), 'agent'])
  await expect.poll(() => edgeAnswers(installation.edgePort).catch(() => 0), { timeout: 10_000 }).toBe(404)
  const server = await installation.start()
  expect((await installation.agent())!.pid).toBe(alone.pid)
  await server.interrupt()
  expect(identify(alone.pid!)).not.toBeNull()
})

test('the start works with NODE_ENV=production', async () => {
  await using installation = await Installation.make({ NODE_ENV: 'production' })
  const server = await installation.start()
  expect(await isReady(installation.url)).toBe(true)
  await server.interrupt()
})

test('doctor names what does not run and what to do, and finds nothing wrong in an installation that runs', async () => {
  await using installation = await Installation.make()
  const before = await installation.juanie('doctor')
  expect(before.stdout).toContain('start it with "juanie up" or "npm start"')
  const server = await installation.start()
  const during = await installation.juanie('doctor', '--json')
  expect(during.code).toBe(0)
  const findings = JSON.parse(during.stdout) as { name: string; verdict: string; says: string }[]
  expect(findings.filter(({ verdict }) => verdict === 'wrong')).toEqual([])
  expect(findings.find(({ name }) => name === 'server')?.says).toContain(`ready at ${installation.url}`)
  await server.interrupt()
})

test('npm start that is ended by SIGTERM takes the server with it', async () => {
  await using installation = await Installation.make()
  const npm = spawn('npm', ['start'], {
    cwd: installation.root,
    env: installation.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  npm.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  await expect.poll(() => output, { timeout: 60_000 }).toContain('Juanie is up.')
  const server = identify((await findHolder(installation.home(), 'server'))!.pid)!
  npm.kill('SIGTERM')
  expect(await waitUntilGone(server, 10_000)).toBe(true)
  expect(await findHolder(installation.home(), 'server')).toBeNull()
})

test('as root below a closed folder the data lies below /var/lib/juanie, which the start says', async ({ skip }) => {
  skip(!isRoot, 'It needs root.')
  const installation = await Installation.make()
  let moved: string
  {
    await using _ = installation
    const closed = join(installation.folder, 'closed')
    fs.mkdirSync(closed, { mode: 0o700 })
    installation.env.JUANIE_HOME = join(closed, 'home')
    const server = await installation.start()
    moved = installation.home().path
    expect(moved).toMatch(/^\/var\/lib\/juanie\/[0-9a-f]{12}$/)
    expect(server.output()).toContain(`${moved} (${installation.env.JUANIE_HOME} leads there)`)
    expect(await isReady(installation.url)).toBe(true)
    await server.interrupt()
    expect(await installation.juanie('down')).toMatchObject({ code: 0, stderr: '' })
  }
  expect(fs.existsSync(moved)).toBe(false)
})

test('an ordinary user starts it from a clone that is not its own', async ({ skip }) => {
  skip(!isRoot, 'It needs root.')
  await using installation = await Installation.make()
  fs.chownSync(installation.folder, 65_534, 65_534)
  fs.chownSync(installation.env.HOME!, 65_534, 65_534)
  installation.prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--']
  const server = await installation.start()
  expect(await isReady(installation.url)).toBe(true)
  expect(fs.statSync(installation.home().database).uid).toBe(65_534)
  await server.interrupt()
  expect(await installation.juanie('down')).toMatchObject({ code: 0, stderr: '' })
})
