import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostileBodies, hostileInputs, hostileSegments, procedures } from './lib/hostile.ts'
import { Juanie, processesNaming, until } from './lib/juanie.ts'
import { Project } from './lib/project.ts'
import { visit } from './lib/visitor.ts'

let juanie: Juanie
let shop: Project
let projectId: string

beforeAll(async () => {
  juanie = await Juanie.start()
  await juanie.login()
  shop = await Project.create(juanie, 'shop', 'empty')
  projectId = (await shop.json<{ id: string }>(['project', 'view', 'main/shop'])).id
  await shop.json(['env', 'edit', 'dev', '--soak', '300ms', '--drain', '500ms', '--start-limit', '3s'])
})
afterAll(() => juanie[Symbol.asyncDispose]())

/** As a program that signs in with a token. Streams are left as soon as they began. */
async function ask(
  path: string,
  init: RequestInit & { token?: string | null } = {},
): Promise<{ status: number; text: string }> {
  const { token = shop.token, headers, ...rest } = init
  const response = await fetch(`${juanie.url}${path}`, {
    ...rest,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(headers as Record<string, string>) },
    signal: AbortSignal.timeout(30_000),
  })
  if (response.headers.get('content-type')?.includes('event-stream')) {
    await response.body?.cancel()
    return { status: response.status, text: '' }
  }
  return { status: response.status, text: await response.text() }
}

/** Calls one after the other on several connections, and gives what answered with 500 or more. */
async function failures(
  calls: Iterable<{ name: string; call: () => Promise<{ status: number; text: string }> }>,
): Promise<string[]> {
  const failed: string[] = []
  const left = calls[Symbol.iterator]()
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = left.next(); !next.done; next = left.next()) {
        const { name, call } = next.value
        const { status, text } = await call().catch((error) => {
          throw new Error(`${name}: ${error} ${error.cause} ${juanie.output.slice(-3000)}`)
        })
        if (status >= 500) failed.push(`${name}: ${status} ${text.slice(0, 200)}`)
      }
    }),
  )
  return failed
}

const json = { 'content-type': 'application/json' }

test('whatever is put in the place of an input of the API, no answer is an error of the server', async () => {
  const [organization] = await juanie.json<{ id: string }[]>(['org', 'list'])
  const good: Record<string, unknown> = {
    projectId,
    organizationId: organization!.id,
    organization: 'main',
    project: 'shop',
    environment: 'production',
    name: 'NAME',
    value: 'x',
    kind: 'deploy',
    run: 1,
    release: 1,
    deployment: 1,
    slug: 'fine',
    limit: 10,
    description: {},
    listing: [],
    bundle: `sha256:${'a'.repeat(64)}`,
    email: 'nobody@example.com',
    password: 'xxxxxxxx',
    token: { name: 't' },
    role: 'viewer',
  }
  function* calls() {
    for (const { path, type, inputs } of procedures()) {
      for (const input of hostileInputs(inputs, (field) => good[field])) {
        const body = JSON.stringify(input)
        const name = `${path} ${body.slice(0, 200)}`
        if (path === 'projects.delete' && body.includes(projectId)) continue
        const url = `/api/trpc/${path}`
        if (type === 'mutation') {
          yield { name, call: () => ask(url, { method: 'POST', headers: json, body }) }
        } else if (body.length < 8_000) {
          yield { name, call: () => ask(`${url}?input=${encodeURIComponent(body)}`) }
        }
      }
    }
  }
  expect(await failures(calls())).toEqual([])
  expect((await ask('/healthz')).status).toBe(200)
}, 120_000)

test('wrong bodies, content types, paths and headers are refused, and no answer is an error of the server', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const id = '01a1fed4-0000-7000-8000-000000000000'
  const agent = readFileSync(join(juanie.home, 'data/run/agent.token'), 'utf8').trim()
  const project = `/api/projects/${projectId}`
  const steady = [
    '/',
    '/sign-in',
    '/sign-out',
    `/setup/${id}`,
    `/invite/${id}`,
    '/git/main/shop.git/git-upload-pack',
    '/git/main/shop.git/git-receive-pack',
    `/api/trpc/${'auth.whoami,'.repeat(50)}auth.whoami?batch=1`,
    '/api/trpc/projects.create',
    '/api/trpc/nothing.here',
    '/api/agent/report',
    '/api/agent/logs',
    '/api/agent/observed',
    '/api/agent/release',
    '/api/agent/deploy',
    `/api/agent/blobs/${digest}?job=${id}`,
    `${project}/bundles/${digest}`,
  ]
  const withOdd = (odd: string) => [
    `/setup/${odd}`,
    `/invite/${odd}`,
    `/${odd}/shop/runs/1`,
    `/main/shop/runs/${odd}`,
    `/git/main/${odd}.git/info/refs?service=git-upload-pack`,
    `/git/${odd}/shop.git/git-receive-pack`,
    `/git/main/shop.git/info/refs?service=${odd}`,
    `/api/events?projectId=${odd}`,
    `/api/events?projectId=${projectId}&lastEventId=${odd}`,
    `/api/projects/${odd}/bundles/${digest}`,
    `${project}/bundles/${odd}`,
    `${project}/environments/${odd}/logs`,
    `${project}/environments/dev/logs?tail=${odd}`,
    `${project}/environments/dev/logs?lastEventId=${odd}`,
    `${project}/instances/${odd}/logs`,
    `${project}/runs/${odd}/jobs/${id}/steps/0/log.txt`,
    `${project}/runs/1/jobs/${odd}/steps/0/lines`,
    `${project}/runs/1/jobs/${id}/steps/${odd}/lines`,
    `${project}/runs/1/jobs/${id}/steps/0/lines?after=${odd}&limit=${odd}`,
    `/api/agent/blobs/${odd}`,
    `/api/agent/deployments/${odd}?job=${id}&fence=1`,
    `/api/agent/deployments/${id}?job=${odd}&fence=${odd}&wait=${odd}`,
    `/nothing/${odd}`,
  ]
  function* calls() {
    const call = (path: string, init: RequestInit) => ({
      name: `${init.method} ${path} ${JSON.stringify(init.headers)} ${String(init.body).slice(0, 20)}`,
      call: () => ask(path, { ...init, token: path.startsWith('/api/agent') ? agent : shop.token }),
    })
    for (const path of steady) {
      for (const method of ['GET', 'DELETE']) yield call(path, { method })
      for (const [headers, body] of hostileBodies) {
        for (const method of ['POST', 'PUT']) yield call(path, { method, headers, body })
      }
    }
    for (const path of hostileSegments.flatMap(withOdd)) {
      yield call(path, { method: 'GET' })
      yield call(path, { method: 'POST', headers: json, body: '{}' })
    }
  }
  expect(await failures(calls())).toEqual([])
  const broken = await ask('/api/trpc/auth.login', { method: 'POST', headers: json, body: '{"email": ' })
  expect(broken).toMatchObject({ status: 400, text: expect.stringMatching(/JSON/) })
  const nothing = await ask('/api/trpc/nothing.here')
  expect(nothing).toMatchObject({ status: 404, text: expect.stringContaining('nothing.here') })
  const nul = await ask('/api/trpc/auth.login', {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ email: 'a\0b', password: 'x', token: { name: 't' } }),
  })
  expect(nul).toMatchObject({ status: 400, text: expect.stringContaining('email: must not hold a NUL character') })
  const large = await ask(
    `/api/trpc/runs.view?input=${encodeURIComponent(JSON.stringify({ projectId, run: 2 ** 31 }))}`,
  )
  expect(large).toMatchObject({ status: 400, text: expect.stringContaining('run: ') })
}, 120_000)

test('clients that leave in the middle of a request end nothing but their own connection', async () => {
  const { pathname } = new URL(shop.cloneUrl)
  const credentials = Buffer.from(`git:${shop.token}`).toString('base64')
  const cut = (request: string) =>
    new Promise<void>((resolve) => {
      const socket = connect(juanie.port, '127.0.0.1')
      socket.on('error', () => {}).once('close', () => resolve())
      socket.once('connect', () => socket.write(request))
      setTimeout(() => socket.destroy(), Math.random() * 60)
    })
  const head = `authorization: Basic ${credentials}\r\nhost: 127.0.0.1\r\n`
  for (let i = 0; i < 10; i++) {
    await Promise.all(
      ['git-upload-pack', 'git-receive-pack'].flatMap((service) => [
        cut(`POST ${pathname}/${service} HTTP/1.1\r\n${head}content-length: 1000\r\n\r\n0098want`),
        cut(`GET ${pathname}/info/refs?service=${service} HTTP/1.1\r\n${head}\r\n`),
        cut(
          `POST /api/trpc/auth.login HTTP/1.1\r\n${head}content-type: application/json\r\ncontent-length: 99\r\n\r\n{`,
        ),
      ]),
    )
  }
  expect((await ask('/healthz')).status).toBe(200)
  expect(juanie.output).not.toMatch(/TypeError/)
}, 30_000)

test('names with characters of a shell or of git are refused by their field, and nothing is run or made', async () => {
  const lists = () =>
    Promise.all([juanie.json(['org', 'list']), juanie.json(['project', 'list']), shop.json(['env', 'list'])])
  const before = await lists()
  const names = ['--upload-pack=touch pwned', '-x', '$(touch pwned)', '../up', 'x'.repeat(100)]
  for (const name of names) {
    const slug = /^name: use 1 to 40 of a-z, 0-9 and -/
    expect(await juanie.juanie(['org', 'create', '--', name]), name).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(slug),
    })
    expect(await juanie.juanie(['project', 'create', '--org', 'main', '--', name]), name).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(slug),
    })
    expect(await juanie.juanie(['env', 'create', '--project', 'main/shop', '--', name]), name).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^name: use 1 to 32 of a-z, 0-9 and -/),
    })
  }
  expect(await lists()).toEqual(before)
  expect(readdirSync(juanie.home).concat(readdirSync(join(juanie.home, 'data')))).not.toContain('pwned')
}, 120_000)

test('settings with bad names, a NUL or too much are refused by their field, and those that were there stay', async () => {
  expect((await shop.run(['variable', 'set', 'KEPT'], { input: 'as it was' })).code).toBe(0)
  const lists = () => Promise.all(['variable', 'secret'].map((kind) => shop.json([kind, 'list'])))
  const before = await lists()
  expect(before[0]).toContainEqual(expect.objectContaining({ name: 'KEPT', value: 'as it was' }))
  for (const kind of ['variable', 'secret']) {
    for (const [name, value, says] of [
      ['1ST', 'x', /name: use letters, digits and _/],
      ['A-B', 'x', /name: use letters, digits and _/],
      ['A=B', 'x', /name: use letters, digits and _/],
      ['PORT', 'x', /name: PORT, HOST and names that begin with JUANIE_/],
      ['JUANIE_HOME', 'x', /name: PORT, HOST and names/],
      ['KEPT', 'a\0b', /value: must not hold a NUL/],
      ['KEPT', 'x'.repeat(70_000), /value: must not be larger than 64 KiB/],
    ] as const) {
      const refused = await shop.run([kind, 'set', name], { input: value })
      expect(refused, `${kind} ${name}`).toMatchObject({ code: 2, stderr: expect.stringMatching(says) })
    }
  }
  expect(await lists()).toEqual(before)
  await shop.run(['variable', 'delete', 'KEPT'])
}, 60_000)

interface Run {
  number: number
  status: string
  problems: { message: string; file: string; position: { line: number; column: number } | null }[]
  jobs: { name: string; status: string; steps: { reason: string | null; summary: string | null }[] }[]
}

async function run(workflow: string): Promise<Run> {
  const commit = await shop.commit('workflow', { '.juanie/workflows/ci.yml': workflow })
  await shop.push()
  const { number } = await shop.runOf(commit, 30_000)
  return shop.json<Run>(['run', 'view', String(number)])
}

test('an unknown context or a character that is none makes the run invalid, with its place', async () => {
  const unknown = await run(
    'on: push\njobs:\n  a:\n    runs-on: linux\n    steps:\n      - run: echo ${{ bogus.value }}\n',
  )
  expect(unknown).toMatchObject({
    status: 'invalid',
    problems: [
      {
        file: '.juanie/workflows/ci.yml',
        position: { line: 6, column: 19 },
        message: expect.stringContaining("'bogus'"),
      },
    ],
  })
  const shown = await shop.run(['run', 'view', String(unknown.number)])
  expect(shown.stdout).toMatch(/\.juanie\/workflows\/ci\.yml:6:19/)
  const nul = await run('on: push\nenv:\n  A: "x\\0y"\njobs: {}\n')
  expect(nul).toMatchObject({
    status: 'invalid',
    problems: [{ position: { line: 3, column: 6 }, message: expect.stringContaining('NUL') }],
  })
  const half = await run('on: push\nname: "\\uD83D"\njobs: {}\n')
  expect(half).toMatchObject({ status: 'invalid', problems: [{ position: { line: 2, column: 7 } }] })
}, 60_000)

test('a NUL in what a step writes ends in words, and the run is over', async () => {
  const { status, jobs } = await run(`on: push
jobs:
  output: { runs-on: linux, steps: [{ run: 'printf "o=a\\0b\\n" >> "$GITHUB_OUTPUT"' }] }
  exported: { runs-on: linux, steps: [{ run: 'printf "E=a\\0b\\n" >> "$GITHUB_ENV"' }] }
  summary: { runs-on: linux, steps: [{ run: 'printf "before \\0 after" >> "$GITHUB_STEP_SUMMARY"' }] }
  expression: { runs-on: linux, steps: [{ run: "echo \${{ fromJSON('\\"\\\\u0000\\"') }}" }] }
`)
  expect(status).toBe('failed')
  const [output, exported, summary, expression] = jobs
  expect(output!.steps[0]!.reason).toMatch(/GITHUB_OUTPUT: Line 1 holds a NUL/)
  expect(exported!.steps[0]!.reason).toMatch(/GITHUB_ENV: Line 1 holds a NUL/)
  expect(summary).toMatchObject({ status: 'succeeded', steps: [{ summary: 'before \ufffd after' }] })
  expect(expression!.steps[0]!.reason).toMatch(/fromJSON\(\) was given a text that holds a NUL/)
}, 60_000)

/** A folder to deploy, beside the clone. */
function folder(name: string, files: Record<string, string>): string {
  shop.write(Object.fromEntries(Object.entries(files).map(([file, text]) => [`../${name}/${file}`, text])))
  return join(juanie.home, name)
}

const app = (body: string) => `const http = require('http'); const { PORT, HOST } = process.env; ${body}`
const answering = (text: string) => app(`http.createServer((q, s) => s.end('${text}')).listen(PORT, HOST)`)
const web = { Procfile: 'web: node server.js\n' }

const page = async () => (await visit(juanie.edgePort, 'shop-dev.localhost')).body

const deploy = (from: string, limitMs = 60_000) => shop.run(['deploy', 'dev', '--from', from], { limitMs })

test('a first version that ignores SIGTERM is ended after its grace when the next one serves', async () => {
  const stubborn = folder('stubborn', {
    'server.js': `process.on('SIGTERM', () => console.log('never')); ${answering('stubborn')}`,
    'compose.yaml': 'services:\n  web:\n    command: node server.js\n    stop_grace_period: 500ms\n',
  })
  expect(await deploy(stubborn)).toMatchObject({ code: 0 })
  expect(await page()).toBe('stubborn')
  const applications = () =>
    processesNaming(juanie.home).filter(({ command }) => /^\S*node\S* server\.js/.test(command))
  expect(applications()).toHaveLength(1)
  const [{ pid } = { pid: 0 }] = applications() as { pid: number }[]
  expect(await deploy(folder('good', { 'server.js': answering('good'), ...web }))).toMatchObject({ code: 0 })
  expect(await page()).toBe('good')
  await until('the old process to be gone', () => !applications().some((each) => each.pid === pid), 20_000)
}, 90_000)

test.each<[string, Record<string, string>, RegExp]>([
  [
    'never opens its port',
    { 'server.js': 'setInterval(() => {}, 1000)', ...web },
    /never opened its port: nothing listened on \d+, the port that PORT names, within 3 s/,
  ],
  ['ends with 0 at once', { 'server.js': 'process.exit(0)', ...web }, /exited with code 0/],
  ['is not there', { Procfile: 'web: ./no-such-program\n' }, /127|not found/],
  [
    'opens its port and never answers',
    {
      'server.js': app('http.createServer(() => {}).listen(PORT, HOST)'),
      'compose.yaml':
        'services:\n  web:\n    command: node server.js\n    x-juanie: { health: { path: /healthz, timeout: 500ms } }\n',
    },
    /\/healthz.*(no answer|timed out|500 ms|0\.5 s)/is,
  ],
])(
  'an application that %s fails with that reason, and the old version goes on',
  async (name, files, says) => {
    const failed = await deploy(folder(name.replaceAll(' ', '-'), files))
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(says)
    expect(await page()).toBe('good')
  },
  60_000,
)

test('mistakes in a Compose file are told with their line, what has no effect is listed, and nothing starts', async () => {
  const compose = (text: string) => deploy(folder('compose', { 'compose.yaml': text, 'server.js': answering('never') }))
  for (const [text, ...says] of [
    [
      'services:\n  web:\n    command: node server.js\n  db:\n    image: postgres:16\n',
      /compose\.yaml:4: .*\bdb\b.*image/s,
      /compose runtime|runtime `?compose/,
    ],
    ['services:\n  web:\n    command: [node, 1\n', /compose\.yaml:\d+: This is not valid YAML/],
    ['services:\n  web:\n    command: node server.js\n    depends_on: [nobody]\n', /compose\.yaml:4: .*nobody/],
    [
      'services:\n  a:\n    command: x\n    depends_on: [b]\n  b:\n    command: x\n    depends_on: [a]\n',
      /depend on each other in a circle: a → b → a/,
    ],
    ['services:\n  web:\n    command: node server.js\n    environment: { A: "x\\0" }\n', /compose\.yaml:4: .*NUL/],
    ['services:\n  web:\n    command: node server.js\n    comand: oops\n', /compose\.yaml:4: .*comand/],
    ['services:\n  web:\n    command: node server.js\n    deploy: { replicas: many }\n', /compose\.yaml:4: .*replicas/],
  ] as [string, ...RegExp[]][]) {
    const refused = await compose(text)
    expect(refused.code, text).not.toBe(0)
    for (const each of says) expect(refused.stderr, text).toMatch(each)
  }
  const listed = await compose(
    'services:\n  web:\n    command: node server.js\n    privileged: true\n    build: .\n    x-own: 1\n',
  )
  expect(listed.stderr).toMatch(/not honoured: services\.web\.privileged: /)
  expect(listed.stderr).toMatch(/not honoured: services\.web\.build: /)
  expect(listed.code).toBe(0)
  await shop.run(['rollback', 'dev'])
  expect(await page()).toBe('good')
}, 120_000)

test('a folder with links that lead outside or with devices is refused by the name of the file', async () => {
  const bad = folder('outside', { 'server.js': answering('never'), ...web })
  symlinkSync('/etc/passwd', join(bad, 'absolute'))
  expect(await deploy(bad)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/"absolute".*"\/etc\/passwd", outside/),
  })
  const up = folder('upwards', { 'server.js': answering('never'), 'a/b': 'x', ...web })
  symlinkSync('../../shop', join(up, 'a/up'))
  expect(await deploy(up)).toMatchObject({ code: 1, stderr: expect.stringMatching(/"a\/up".*outside/) })
  const pipe = folder('pipe', { 'server.js': answering('never'), ...web })
  execFileSync('mkfifo', [join(pipe, 'queue')])
  expect(await deploy(pipe)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/"queue".*neither a file, a folder nor a link/),
  })
  expect(await deploy(join(juanie.home, 'no-such-folder'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is not a folder'),
  })
  expect(await page()).toBe('good')
}, 60_000)

test('a bundle that was damaged on the disk fails its deployment with that reason, and is repaired by giving it again', async () => {
  const text = folder('damaged', { 'server.js': answering('whole'), 'large.txt': 'x'.repeat(300_000), ...web })
  expect(await deploy(text)).toMatchObject({ code: 0 })
  const { release } = await shop.environment()
  await shop.run(['rollback', 'dev'])
  expect(await page()).toBe('good')
  const hex = release!.digest.replace('sha256:', '')
  const blob = join(juanie.home, 'data/blobs', hex.slice(0, 2), hex)
  const bytes = readFileSync(blob)
  bytes[bytes.length >> 1]! ^= 0xff
  writeFileSync(blob, bytes)
  // The host may have it still; what it has is checked when it starts.
  rmSync(join(juanie.home, 'data/agent/bundles', `${hex}.tar`), { force: true })
  const failed = await shop.run(['deploy', 'dev', '--release', String(release!.number)])
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(/bundle.*damaged/i)
  expect(await page()).toBe('good')
  expect(await deploy(text)).toMatchObject({ code: 0 })
  expect(await page()).toBe('whole')
}, 120_000)
