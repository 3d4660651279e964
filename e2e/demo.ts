import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { admin, cleanEnvironment, finish, Juanie, until } from './lib/juanie.ts'
import { Visitor, visit } from './lib/visitor.ts'

interface Environment {
  name: string
  url: string
  health: string
  release: { number: number } | null
  deployment: { number: number; status: string } | null
  last: { number: number; status: string; reason: string | null } | null
}

const finalStatuses = ['succeeded', 'failed', 'rolled_back', 'rollback_failed', 'canceled', 'superseded']

/** The application of the demo: what it answers, and how its health behaves. */
const application = (
  version: string,
  health: 'good' | 'never' | 'turns bad',
) => `import { createServer } from 'node:http'

const began = Date.now()
const healthy = () => ${health === 'good' ? 'true' : health === 'never' ? 'false' : 'Date.now() - began < 1200'}

export const server = createServer((request, response) => {
  if (request.url === '/healthz') return response.writeHead(healthy() ? 200 : 503).end(healthy() ? 'ok' : 'not well')
  response.end('${version}')
})
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')
`

const compose = `services:
  web:
    command: [node, server.js]
    ports: ['3000']
    x-juanie:
      health:
        path: /healthz
        interval: 200ms
`

class Failed extends Error {}

function must(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Failed(sentence)
  console.log(`    ✓ ${sentence}`)
}

/** Returns the exit code: 0 only when everything was observed. */
export async function demo(): Promise<number> {
  const stages: [string, number][] = []
  let began = performance.now()
  const stage = (name: string) => {
    console.log(`\n▸ ${name}`)
    began = performance.now()
    return () => stages.push([name, performance.now() - began])
  }
  const all = performance.now()
  console.log('Juanie: push → run → release → deployment → verified health → kept, or rolled back')

  const juanie = await Juanie.prepare()
  const interrupted = () => {
    juanie[Symbol.asyncDispose]().finally(() => process.exit(130))
  }
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  let visitor: Visitor | null = null
  try {
    let over = stage('Start Juanie on this machine')
    await juanie.up()
    over()
    console.log(`    ${juanie.url}, data in ${juanie.home}`)

    over = stage('Create a project from the node template')
    await juanie.login()
    const { cloneUrl } = await juanie.json<{ cloneUrl: string }>(['project', 'create', 'shop', '--template', 'node'])
    const project = ['--project', 'main/shop']
    await juanie.json(['env', 'edit', 'dev', '--soak', '3s', '--drain', '2s', '--start-limit', '4s', ...project])
    const { token } = await juanie.json<{ token: string }>(['token', 'create', 'demo'])
    const clone = join(juanie.home, 'shop')
    const remote = cloneUrl.replace('://', `://demo:${token}@`)
    const git = async (...args: string[]) => {
      const done = await finish('git', ['-c', 'user.name=Ada', '-c', `user.email=${admin.email}`, ...args], {
        cwd: args[0] === 'clone' ? juanie.home : clone,
        env: cleanEnvironment({ HOME: juanie.home }),
      })
      if (done.code !== 0) throw new Failed(`git ${args[0]} failed: ${done.stderr}`)
      return done
    }
    await git('clone', '-q', remote, clone)
    over()
    console.log(`    ${cloneUrl}`)

    const dev = async () => {
      const environments = await juanie.json<Environment[]>(['env', 'list', ...project])
      const found = environments.find((each) => each.name === 'dev')
      if (!found) throw new Failed('there is no environment dev')
      return found
    }
    const push = async (message: string, version: string, health: 'good' | 'never' | 'turns bad') => {
      writeFileSync(join(clone, 'server.js'), application(version, health))
      writeFileSync(
        join(clone, 'server.test.js'),
        "import { test } from 'node:test'\n\ntest('it is there', () => {})\n",
      )
      writeFileSync(join(clone, 'compose.yaml'), compose)
      await git('add', '--all')
      await git('commit', '-q', '--allow-empty', '-m', message)
      const before = (await dev()).last?.number ?? 0
      const { stderr } = await git('push', '-q', 'origin', 'HEAD:main')
      for (const line of stderr.split('\n').filter((each) => each.startsWith('remote:')))
        console.log(`    ${line.trimEnd()}`)
      return before
    }
    const ended = async (before: number, limitMs = 30_000) => {
      const environment = await until(
        'the deployment to end',
        async () => {
          const found = await dev()
          return found.last && found.last.number > before && finalStatuses.includes(found.last.status) ? found : null
        },
        limitMs,
      )
      console.log(
        `    deployment ${environment.last?.number}: ${environment.last?.status}${environment.last?.reason ? ` — ${environment.last.reason}` : ''}`,
      )
      return environment
    }
    const answer = async (url: string) => (await visit(juanie.edgePort, new URL(url).hostname)).body

    over = stage('Push the first version, and watch its run')
    let before = await push('First version', 'version 1', 'good')
    const watched = await juanie.juanie(['run', 'watch', ...project])
    if (watched.code !== 0) console.error(watched.stderr)
    must(watched.code === 0, 'the run succeeded')
    let environment = await ended(before)
    must(
      environment.last?.status === 'succeeded' && environment.health === 'healthy',
      `dev is healthy at ${environment.url}`,
    )
    const { hostname } = new URL(environment.url)
    must((await answer(environment.url)) === 'version 1', 'it answers: version 1')
    over()

    const watcher = new Visitor(juanie.edgePort, hostname, { pauseMs: 2 })
    visitor = watcher
    const nothingLost = () =>
      must(
        watcher.failures.length === 0,
        `no request of ${watcher.requests} was lost so far${watcher.failures[0] ?? ''}`,
      )

    over = stage('Push a version that never gets healthy')
    before = await push('Never healthy', 'version 2', 'never')
    environment = await ended(before)
    must(environment.last?.status === 'failed', 'the deployment failed')
    must(
      (await answer(environment.url)) === 'version 1' && !watcher.bodies.has('version 2'),
      'version 1 kept answering',
    )
    nothingLost()
    over()

    over = stage('Push a version whose health turns bad in the soak')
    before = await push('Turns bad', 'version 3', 'turns bad')
    environment = await ended(before)
    must(environment.last?.status === 'rolled_back', 'the deployment was rolled back by itself')
    must(watcher.bodies.has('version 3'), 'version 3 had the traffic for a while')
    must((await answer(environment.url)) === 'version 1', 'version 1 has the traffic again')
    nothingLost()
    over()

    over = stage('Kill the server with -9 in the middle of the next deployment')
    before = await push('Second good version', 'version 4', 'good')
    await until('the deployment to be under way', async () => {
      const { last } = await dev()
      return last && last.number > before && last.status !== 'queued'
    })
    await juanie.stopServer('SIGKILL')
    const asked = watcher.requests
    await until('more answers', () => watcher.requests > asked + 20)
    must((await answer(environment.url)).startsWith('version'), 'the application answers without the server')
    await juanie.up()
    environment = await ended(before)
    must(environment.last?.status === 'succeeded', 'the deployment ended right after the restart')
    must((await answer(environment.url)) === 'version 4', 'it answers: version 4')
    nothingLost()
    over()

    over = stage('Roll back by hand')
    const rolledBack = await juanie.json<{ status: string }>(['rollback', 'dev', ...project])
    must(rolledBack.status === 'succeeded', 'the rollback succeeded')
    must((await answer(environment.url)) === 'version 1', 'it answers: version 1')
    nothingLost()
    over()

    console.log(`\n${'stage'.padEnd(62)}     time`)
    for (const [name, ms] of stages) console.log(`${name.padEnd(62)} ${(ms / 1000).toFixed(1).padStart(6)} s`)
    console.log(`${'all'.padEnd(62)} ${((performance.now() - all) / 1000).toFixed(1).padStart(6)} s`)
    return 0
  } catch (error) {
    console.error(`\n✗ ${(error as Error).message}`)
    if (!(error instanceof Failed)) console.error(error)
    console.error(`\nWhat Juanie printed:\n${juanie.output.slice(-4000)}`)
    return 1
  } finally {
    await visitor?.stop()
    await juanie[Symbol.asyncDispose]()
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
  }
}
