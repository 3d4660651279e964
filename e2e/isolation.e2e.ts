import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { portHolder } from '@juanie/core/port-holder'
import { afterEach, expect, test } from 'vitest'
import { Installation } from './lib/installation.ts'
import { finish, Juanie, processesNaming, until } from './lib/juanie.ts'
import { Project } from './lib/project.ts'
import { visit } from './lib/visitor.ts'

afterEach(() => rmSync(join(tmpdir(), intruder), { force: true }))

const isRoot = process.getuid?.() === 0
const hasBubblewrap =
  (
    await finish('bwrap', ['--ro-bind', '/', '/', '--unshare-pid', '--proc', '/proc', 'true'], { cwd: '/' }).catch(
      () => null,
    )
  )?.code === 0

const canaries = { step: 'canary-of-a-step-7c1', application: 'canary-of-an-application-2e9' }

/** A folder with every program that this machine has on its PATH, but for bubblewrap. */
function programsWithout(folder: string): string {
  const bin = join(folder, 'programs')
  mkdirSync(bin)
  for (const from of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of existsSync(from) ? readdirSync(from) : []) {
      if (name !== 'bwrap' && !lstatSync(join(bin, name), { throwIfNoEntry: false }))
        symlinkSync(join(from, name), join(bin, name))
    }
  }
  return bin
}

/** A step and an application of one project that run, with values that only they may know. */
async function victimOf(juanie: Juanie): Promise<{ job: string; instance: string; repository: string; pid: number }> {
  const victim = await Project.create(juanie, 'victim', 'empty')
  await victim.json(['env', 'edit', 'dev', '--soak', '100ms', '--drain', '100ms'])
  await victim.run(['secret', 'set', 'APPLICATION', '--env', 'dev'], { input: canaries.application })
  const data = join(juanie.home, 'data')
  const repository = join(
    data,
    'repositories',
    readdirSync(join(data, 'repositories')).find((each) => !each.startsWith('.'))!,
  )
  victim.write({
    '../kept/server.js': `require('http').createServer((q, s) => s.end('kept')).listen(process.env.PORT, process.env.HOST)`,
    '../kept/Procfile': 'web: node server.js\n',
  })
  const deployed = await victim.run(['deploy', 'dev', '--from', join(juanie.home, 'kept')])
  if (deployed.code !== 0) throw new Error(deployed.stderr)
  await victim.commit('long', {
    '.juanie/workflows/ci.yml': `on: push
jobs:
  long:
    runs-on: linux
    steps:
      - run: echo "$VALUE" > secret.txt; echo ready; sleep 120
        env: { VALUE: ${canaries.step} }
`,
  })
  await victim.push()
  const jobs = join(data, 'agent/jobs')
  const job = await until('the file of the step', () => {
    const found = readdirSync(jobs).map((name) => join(jobs, name))
    return found.find((folder) => existsSync(join(folder, 'work/victim/secret.txt')))
  })
  const instances = join(data, 'agent/instances')
  const application = processesNaming(instances).find(({ command }) => /^\S*node\S* server\.js/.test(command))!
  return { job, instance: join(instances, readdirSync(instances)[0]!), repository, pid: application.pid }
}

/** What a hostile program tries: a name, and a line for `sh` that prints something when it succeeds. */
async function attempts(juanie: Juanie): Promise<Record<'juanie' | 'steps' | 'applications', Record<string, string>>> {
  const data = join(juanie.home, 'data')
  const victim = await victimOf(juanie)
  const processes = processesNaming(juanie.home)
  const pidOf = (pattern: RegExp) => processes.find(({ command }) => pattern.test(command))!.pid
  const pids = {
    server: juanie.serverPid,
    agent: pidOf(/agent\.mjs/),
    edge: (await portHolder(juanie.edgePort))!.pid,
    database: Number(readFileSync(join(data, 'database/data/postmaster.pid'), 'utf8').split('\n')[0]),
  }
  const own: Record<string, string> = {}
  const files = [
    'master.key',
    'database/password',
    'database/data/PG_VERSION',
    'run/agent.token',
    'logs/agent.log',
    'agent/host.key',
  ]
  for (const file of files) {
    if (!existsSync(join(data, file))) throw new Error(`${file} is not there to be tried`)
    own[`read ${file}`] = `cat ${data}/${file}`
  }
  for (const folder of ['database', 'blobs', 'run', 'logs', 'agent/spool', 'agent/bundles', 'agent/edge']) {
    if (!existsSync(join(data, folder))) throw new Error(`${folder} is not there to be tried`)
    own[`list ${folder}`] = `ls -a ${data}/${folder}`
  }
  own['read the login of the person'] = `cat ${juanie.home}/person/config/juanie/login.json`
  for (const name of readdirSync(join(data, 'agent'))) {
    if (statSync(join(data, 'agent', name)).isFile()) own[`read agent/${name}`] = `cat ${data}/agent/${name}`
  }
  for (const [name, pid] of Object.entries(pids)) {
    own[`signal the ${name}`] = `kill -0 ${pid} && echo reached`
    own[`look into the ${name}`] = `cat /proc/${pid}/environ; readlink /proc/${pid}/cwd; head -c 1 /proc/${pid}/mem`
  }
  for (const socket of sockets(data)) {
    own[`connect to ${socket}`] =
      `node -e "require('net').connect('${socket}').on('connect', () => { console.log('connected'); process.exit() }).on('error', () => {})"`
  }
  const anyEnvironment = (canary: string) =>
    `cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep ${canary.slice(0, -1)}[${canary.at(-1)}]`
  return {
    juanie: own,
    steps: {
      'the folder of another job': `ls ${victim.job}/work/victim`,
      'a file of another job': `cat ${victim.job}/work/victim/secret.txt`,
      'the environment of another job': anyEnvironment(canaries.step),
      'the repository of another project': `cat ${victim.repository}/HEAD`,
    },
    applications: {
      'the bundle of another instance': `cat ${victim.instance}/app/server.js`,
      'the environment of another instance': anyEnvironment(canaries.application),
      'signal another instance': `kill -0 ${victim.pid} && echo reached`,
    },
  }
}

function sockets(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isSocket()).map((entry) => join(entry.parentPath, entry.name))
}

const places = (juanie: Juanie) => [
  ...['', 'data', 'data/agent', 'data/agent/jobs', 'data/agent/instances', 'data/agent/edge', 'data/repositories'].map(
    (path) => join(juanie.home, path),
  ),
  ...['/etc', '/usr', '/usr/bin', '/var/lib', '/root', tmpdir()],
]

const intruder = 'juanie-intruder'

const trying = (tries: Record<string, string>) => `
try() { out=$(sh 2>/dev/null | head -c 60 | tr -c '[:alnum:]./_-' ' '); [ -n "$out" ] && echo "open: $1" || echo "denied: $1"; }
${Object.entries(tries)
  .map(([name, line]) => `try '${name}' <<'EOF'\n${line}\nEOF\n`)
  .join('')}
`

function opened(text: string, tries: Record<string, string>): string[] {
  const denied = [...text.matchAll(/^.*?denied: (.*)$/gm)].length
  const open = [...text.matchAll(/^.*?open: (.*)$/gm)].map((found) => found[1]!)
  expect(denied + open.length, text).toBe(Object.keys(tries).length)
  return open
}

/** Where a program could leave a file; they are taken away again. */
function written(juanie: Juanie): string[] {
  const found = places(juanie).filter((place) => existsSync(join(place, intruder)))
  for (const place of found) rmSync(join(place, intruder))
  return found
}

interface Reach {
  step: string[]
  application: string[]
  written: string[]
}

/** What a step and an application of another project can do of what they try. */
async function reachOf(juanie: Juanie, tries: Record<string, string>): Promise<Reach> {
  const script = trying(tries)
  // What even this user cannot do would be denied to everybody and show nothing.
  const control = await finish('sh', ['-s'], { cwd: '/', input: script, limitMs: 60_000 })
  expect(opened(control.stdout, tries)).toEqual(Object.keys(tries))

  const writing = `for place in ${places(juanie).join(' ')}; do ( : > "$place/${intruder}" ) 2>/dev/null; done; true\n`
  const attacker = await Project.create(juanie, 'attacker', 'empty')
  await attacker.json(['env', 'edit', 'dev', '--soak', '100ms', '--drain', '100ms'])
  const commit = await attacker.commit('attack', {
    'try.sh': script + writing,
    '.juanie/workflows/ci.yml': `on: push
jobs:
  attack:
    runs-on: linux
    steps:
      - uses: actions/checkout@v4
      - run: sh try.sh; git log --oneline | wc -l > own; cat own
`,
  })
  await attacker.push()
  const { number, status } = await attacker.runOf(commit)
  expect(status).toBe('succeeded')
  const log = (await attacker.run(['logs', String(number)])).stdout
  attacker.write({
    '../attack/try.sh': script + writing,
    '../attack/server.js': `const { execFileSync } = require('child_process')
const found = execFileSync('sh', ['try.sh'], { encoding: 'utf8' })
require('fs').writeFileSync('own', 'mine')
require('http').createServer((q, s) => s.end(found)).listen(process.env.PORT, process.env.HOST)`,
    '../attack/Procfile': 'web: node server.js\n',
  })
  const deployed = await attacker.run(['deploy', 'dev', '--from', join(juanie.home, 'attack')])
  expect(deployed.code, deployed.stderr).toBe(0)
  const { body } = await visit(juanie.edgePort, 'attacker-dev.localhost')
  return { step: opened(log, tries), application: opened(body, tries), written: written(juanie) }
}

test('isolated: a step and an application reach nothing but their own', async ({ skip }) => {
  skip(!hasBubblewrap, 'It needs bubblewrap that works.')
  await using juanie = await Juanie.start()
  await juanie.login()
  const { juanie: own, steps, applications } = await attempts(juanie)
  const reach = await reachOf(juanie, { ...own, ...steps, ...applications })
  expect(reach).toEqual({ step: [], application: [], written: [] })
  expect(juanie.output).toMatch(/Isolation +isolated/)
  expect(readFileSync(join(juanie.home, 'data/logs/agent.log'), 'utf8')).toContain('Isolation: isolated.')
  const findings = await juanie.json<{ name: string; verdict: string; says: string }[]>(['doctor'])
  expect(findings).toContainEqual({ name: 'isolation', verdict: 'good', says: 'isolated' })
}, 120_000)

test('separate users: Juanie itself is out of reach, other projects are not, as SECURITY.md says', async ({ skip }) => {
  skip(!isRoot, 'It needs root.')
  await using juanie = await Juanie.prepare()
  juanie.environment.PATH = programsWithout(juanie.home)
  await juanie.up()
  await juanie.login()
  const { juanie: own, steps, applications } = await attempts(juanie)
  expect(await reachOf(juanie, { ...own, ...steps, ...applications })).toEqual({
    step: Object.keys(steps),
    application: Object.keys(applications),
    written: [tmpdir()],
  })
  expect(juanie.output).toMatch(/Isolation +separate users/)
  expect(readFileSync(join(juanie.home, 'data/logs/agent.log'), 'utf8')).toContain('Isolation: separate users.')
  const findings = await juanie.json<{ name: string; verdict: string; says: string }[]>(['doctor'])
  expect(findings).toContainEqual({
    name: 'isolation',
    verdict: 'hint',
    says: expect.stringMatching(/^separate users; install bubblewrap/),
  })
}, 120_000)

test('trusted: an ordinary user without bubblewrap is told so at the start, in the log and by doctor', async () => {
  await using installation = await Installation.make()
  installation.env.PATH = programsWithout(installation.folder)
  if (isRoot) {
    for (const path of [installation.folder, installation.env.HOME!])
      await finish('chown', ['65534:65534', path], { cwd: '/' })
    installation.prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--']
  }
  const server = await installation.start()
  expect(server.output()).toMatch(/Isolation +trusted/)
  expect(readFileSync(join(installation.home().logs, 'agent.log'), 'utf8')).toContain('Isolation: trusted.')
  const doctor = await installation.juanie('doctor')
  expect(doctor.stdout).toMatch(/hint +isolation +trusted; install bubblewrap/)
  await server.interrupt()
}, 60_000)
