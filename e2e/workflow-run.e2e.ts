import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cleanEnvironment, type Finished, finish, launcher, until } from './lib/juanie.ts'

let folder: string
let tree: string
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-local-'))
  chmodSync(folder, 0o711)
  tree = join(folder, 'shop')
  mkdirSync(tree)
  git('init', '-q', '-b', 'main')
  git('remote', 'add', 'origin', 'https://user:hidden@github.com/acme/shop.git')
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function git(...args: string[]): string {
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com']
  return execFileSync('git', ['-C', tree, ...who, ...args], { encoding: 'utf8' }).trim()
}

function write(files: Record<string, string>, root = tree): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

function commit(files: Record<string, string>): string {
  write(files)
  git('add', '-A')
  git('commit', '-qm', 'Add things')
  return git('rev-parse', 'HEAD')
}

const environment = (extra: Record<string, string> = {}) =>
  cleanEnvironment({
    HOME: join(folder, 'person'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    JUANIE_ACTIONS_URL: `file://${join(folder, 'sources')}`,
    ...extra,
  })

const run = (args: string[], options: { env?: Record<string, string>; cwd?: string } = {}): Promise<Finished> =>
  finish(process.execPath, [launcher, 'workflow', 'run', ...args], {
    cwd: options.cwd ?? tree,
    env: environment(options.env),
  })

interface Ended {
  status: string
  commit: string
  isDirty: boolean
  jobs: {
    id: string
    name: string
    status: string
    reason: string | null
    outputs: object
    steps: { name: string; status: string }[]
  }[]
}

/** The document of `--json`, and nothing beside it. */
const parsed = (finished: Finished): Ended => JSON.parse(finished.stdout) as Ended

/** All that lies in the tree and its repository, by content. */
function fingerprint(root = tree): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'base64')]),
  )
}

const single = (steps: string, more = '') =>
  `on: push\n${more}jobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n${steps.trim().replace(/^/gm, '      ')}\n`

test('jobs run in their order on what lies in the tree, and the tree stays as it was', async () => {
  const head = commit({
    '.gitignore': 'secret.txt\n',
    'greeting.txt': 'committed\n',
    '.github/workflows/ci.yml': `name: CI
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    outputs: { greeting: '\${{ steps.read.outputs.greeting }}' }
    steps:
      - uses: actions/checkout@v4
      - id: read
        run: echo "greeting=$(cat greeting.txt new.txt | paste -sd+)" >> "$GITHUB_OUTPUT"
      - run: test ! -e secret.txt && echo "$GITHUB_REPOSITORY $GITHUB_REF $GITHUB_SHA" && git remote get-url origin
  test:
    needs: build
    runs-on: \${{ matrix.os }}
    strategy: { matrix: { os: [ubuntu-latest, windows-latest], node: [18, 20] } }
    steps:
      - run: echo "node \${{ matrix.node }} says \${{ needs.build.outputs.greeting }}"
`,
  })
  write({ 'greeting.txt': 'changed\n', 'new.txt': 'new\n', 'secret.txt': 'not for others\n' })
  const before = fingerprint()
  const finished = await run([])
  expect(finished).toMatchObject({ code: 0 })
  expect(fingerprint()).toEqual(before)
  expect(finished.stdout).toContain('node 18 says changed+new')
  expect(finished.stdout).toContain('node 20 says changed+new')
  expect(finished.stdout).toContain(`acme/shop refs/heads/main ${head}`)
  expect(finished.stdout).toContain('https://github.com/acme/shop.git')
  expect(finished.stdout).not.toContain('hidden')
  expect(finished.stderr).toContain(`CI on push: main ${head.slice(0, 12)}, with what is not committed yet`)
  expect(finished.stderr).toMatch(/— build \/ Run actions\/checkout@v4/)
  expect(finished.stderr).toMatch(/test \(ubuntu-latest, 18\) \/ .*: succeeded {2}\d+\.\d s/)
  expect(finished.stderr).toContain('This machine is none with the labels windows-latest.')
  expect(finished.stderr).toMatch(/CI: succeeded in \d+\.\d s/)
  expect(`${finished.stdout}${finished.stderr}`).not.toContain('\u001b[')

  git('add', '-A')
  git('commit', '-qm', 'More')
  const clean = parsed(await run(['--json'], { cwd: join(tree, '.github') }))
  expect(clean).toMatchObject({ status: 'succeeded', isDirty: false, commit: git('rev-parse', 'HEAD') })
})

test('a job that fails ends the run with 1, and what it prints is told apart from the answer', async () => {
  commit({
    '.github/workflows/ci.yml': `on: push
jobs:
  lint:
    runs-on: ubuntu-latest
    steps: [{ run: echo looking; exit 3 }, { run: echo never }, { if: always(), run: echo afterwards }]
  ship: { needs: lint, runs-on: ubuntu-latest, steps: [{ run: echo shipped }] }
  tell: { needs: lint, if: failure(), runs-on: ubuntu-latest, steps: [{ run: 'echo "lint was \${{ needs.lint.result }}"' }] }
`,
  })
  const finished = await run(['--json'])
  expect(finished.code).toBe(1)
  expect(finished.stderr).toContain('lint was failure')
  expect(finished.stderr).toContain('error: ')
  const { status, jobs } = parsed(finished)
  expect(status).toBe('failed')
  expect(jobs.map(({ id, status }) => [id, status])).toEqual([
    ['lint', 'failed'],
    ['ship', 'skipped'],
    ['tell', 'succeeded'],
  ])
  expect(jobs[0]!.steps.map(({ status }) => status)).toEqual(['failed', 'skipped', 'succeeded'])
})

test('one job, one value of a matrix, and inputs that are looked at', async () => {
  commit({
    '.github/workflows/ci.yml': `on:
  push:
  workflow_dispatch:
    inputs:
      level: { type: choice, options: [low, high], default: low }
      count: { type: number, required: true }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: echo a }] }
  b:
    needs: a
    runs-on: ubuntu-latest
    strategy: { matrix: { n: [1, 2, 3] } }
    steps: [{ run: 'echo "n=\${{ matrix.n }} \${{ inputs.level }} \${{ inputs.count }} \${{ vars.WHERE }} \${{ github.event.extra }}"' }]
  c: { runs-on: ubuntu-latest, steps: [{ run: exit 1 }] }
`,
    'event.json': '{"extra": "told"}',
  })
  const chosen = await run([
    '--job',
    'b',
    '--matrix',
    'n=2',
    '--var',
    'WHERE=here',
    '--event-file',
    'event.json',
    '--json',
  ])
  expect(chosen.code).toBe(0)
  expect(chosen.stderr).toContain('n=2')
  expect(chosen.stderr).toContain('here told')
  expect(parsed(chosen).jobs.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'a succeeded',
    'b (1) skipped',
    'b (2) succeeded',
    'b (3) skipped',
  ])
  expect(await run(['--matrix', 'n=7', '--job', 'b'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no job has n=7'),
  })
  const given = await run(['ci', '--input', 'count=4', '--input', 'level=high', '--job', 'b'])
  expect(given).toMatchObject({ code: 0, stdout: expect.stringMatching(/n=1 high 4/) })
  for (const [args, words] of [
    [['--input', 'level=high'], "'count' is required"],
    [['--input', 'count=1', '--input', 'level=mad'], "'level' does not fit"],
    [['--input', 'count=many'], "'count' does not fit"],
    [['--event', 'push', '--input', 'count=1'], 'only a run by workflow_dispatch has inputs'],
    [['--job', 'z'], 'there is no job z; there is a, b, c'],
    [['--event', 'release'], 'does not listen to release; it listens to push, workflow_dispatch'],
    [['--event-file', 'nowhere.json'], 'there is no file nowhere.json'],
    [['--secret', 'NOT_THERE'], 'the environment has no NOT_THERE'],
  ] as const) {
    expect(await run([...args]), args.join(' ')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(words),
    })
  }
})

test('secrets are given where they are named, and show nowhere', async () => {
  commit({
    '.github/workflows/ci.yml': single(`
- run: echo "it is $TOKEN and \${{ secrets.FILED }}" && printf %s "$TOKEN" | wc -c
  env: { TOKEN: '\${{ secrets.token }}' }
- name: Send \${{ secrets.FILED }}
  run: echo "x=\${{ secrets.FILED }}" >> "$GITHUB_OUTPUT"; echo "other \${{ secrets.UNSET }}." ; env | grep -c other-value || true
- run: echo "::error::with hunter-two inside"; exit 1`),
  })
  write({ 'filed.env': '# of the shop\nFILED=from-a-file\nOTHER=other-value\n' }, folder)
  const finished = await run(['--secret', 'TOKEN', '--secret-file', join(folder, 'filed.env'), '--json'], {
    env: { TOKEN: 'hunter-two' },
  })
  expect(finished.code).toBe(1)
  const all = `${finished.stdout}${finished.stderr}`
  expect(all).toContain('it is *** and ***')
  expect(all).toMatch(/^10$/m)
  expect(all).toContain('one / Send ***')
  expect(all).toContain('with *** inside')
  expect(all).not.toContain('hunter-two')
  expect(all).not.toContain('from-a-file')
})

const script = (line: string) => `const fs = require('node:fs')\n${line}\n`

/** A repository of an action at the sources, with the tag `v1`. */
function action(name: string, files: Record<string, string>): string {
  const source = join(folder, 'sources', name)
  write(files, source)
  const at = ['-C', source, '-c', 'user.name=a', '-c', 'user.email=a@b.c']
  execFileSync('git', ['init', '-q', '-b', 'main', source])
  execFileSync('git', [...at, 'add', '-A'])
  execFileSync('git', [...at, 'commit', '-qm', 'x'])
  execFileSync('git', [...at, 'tag', 'v1'])
  return source
}

test('actions of the tree and of their sources run, and need the source only once', async () => {
  const source = action('acme/greet', {
    'action.yml':
      'inputs: { who: { required: true } }\noutputs: { said: { description: x } }\nruns: { using: node20, main: main.js, post: post.js }\n',
    'main.js': script(
      "const said = 'hello ' + process.env.INPUT_WHO\nconsole.log(said)\nfs.appendFileSync(process.env.GITHUB_OUTPUT, 'said=' + said + '\\n')",
    ),
    'post.js': script("console.log('goodbye')"),
  })
  const twice = `inputs: { who: { default: nobody } }
outputs: { said: { value: '\${{ steps.greet.outputs.said }} twice' } }
runs:
  using: composite
  steps:
    - id: greet
      uses: acme/greet@v1
      with: { who: '\${{ inputs.who }}' }
    - { run: echo "in $GITHUB_ACTION_PATH", shell: bash }
`
  commit({
    '.github/actions/twice/action.yml': twice,
    '.github/workflows/ci.yml': single(`
- uses: actions/checkout@v4
- id: twice
  uses: ./.github/actions/twice
  with: { who: Ada }
- run: echo "it said \${{ steps.twice.outputs.said }}"`),
  })
  const first = await run([])
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('it said hello Ada twice') })
  expect(first.stdout).toContain('goodbye')
  const pinned = git('-C', source, 'rev-parse', 'HEAD')
  write({ '.github/actions/twice/action.yml': twice.replace('@v1', `@${pinned}`) })
  rmSync(source, { recursive: true })
  const second = await run([])
  expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('it said hello Ada twice') })
  write({ '.github/workflows/ci.yml': single('- uses: acme/absent@v1') })
  const absent = await run([])
  expect(absent.code).toBe(1)
  expect(`${absent.stdout}${absent.stderr}`).toContain('There is no acme/absent')
})

test('a long output arrives whole at a slow reader', async () => {
  commit({ '.github/workflows/ci.yml': single('- run: seq 1 100000') })
  const slow = `'${process.execPath}' '${launcher}' workflow run 2>/dev/null | (sleep 2; cat)`
  const { code, stdout } = await finish('/bin/sh', ['-c', slow], { cwd: tree, env: environment() })
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect([lines.length, lines.at(-1)]).toEqual([100_000, '100000'])
})

test('what only a server has is missed in words', async () => {
  const plainAction = {
    'action.yml': 'runs: { using: node20, main: main.js }\n',
    'main.js': script("console.log('ran')"),
  }
  action('actions/cache', plainAction)
  action('actions/upload-artifact', plainAction)
  commit({
    'index.html': 'hello',
    '.github/workflows/ci.yml': single(`
- uses: actions/checkout@v4
- uses: actions/cache@v1
- id: release
  uses: juanie/release@v1
- run: 'echo "packed \${{ steps.release.outputs.digest }}"'
- { uses: juanie/deploy@v1, with: { environment: dev }, continue-on-error: true }
- uses: actions/upload-artifact@v1`),
  })
  const { code, stdout } = await run([])
  expect(code).toBe(1)
  expect(stdout).toContain('notice: There is no cache without a server')
  expect(stdout).toContain('notice: Nothing is released')
  expect(stdout).toMatch(/packed sha256:[0-9a-f]{64}/)
  expect(stdout).toContain('juanie/deploy needs a server')
  expect(stdout).toContain('error: actions/upload-artifact needs a server to keep artifacts, and this run has none.')
  expect(stdout.match(/^ran$/gm)).toHaveLength(1)
})

test('a workflow of the tree is called, with what is passed on to it', async () => {
  commit({
    '.github/workflows/ci.yml': `on: push
jobs:
  call:
    uses: ./.github/workflows/called.yml
    with: { who: Ada }
    secrets: { KEY: '\${{ secrets.OUTER }}' }
  after: { needs: call, runs-on: ubuntu-latest, steps: [{ run: 'echo "got \${{ needs.call.outputs.answer }}"' }] }
`,
    '.github/workflows/called.yml': `on:
  workflow_call:
    inputs: { who: { type: string, required: true } }
    secrets: { KEY: { required: true } }
    outputs: { answer: { value: '\${{ jobs.inner.outputs.answer }}' } }
jobs:
  inner:
    runs-on: ubuntu-latest
    concurrency: one
    outputs: { answer: '\${{ steps.say.outputs.answer }}' }
    steps:
      - id: say
        run: echo "answer=\${{ inputs.who }}-\${#KEY}" >> "$GITHUB_OUTPUT"
        env: { KEY: '\${{ secrets.KEY }}' }
  second: { runs-on: ubuntu-latest, concurrency: one, steps: [{ run: echo second }] }
`,
  })
  const finished = await run(['--secret', 'OUTER=seven77', '--json'])
  expect(finished.stderr).toContain('got Ada-7')
  expect(parsed(finished).jobs.map(({ id, status }) => `${id} ${status}`)).toEqual([
    'call succeeded',
    'after succeeded',
    'call/inner succeeded',
    'call/second succeeded',
  ])
})

test('what cannot run is told of with its place before anything starts, and so is a choice that is open', async () => {
  const docker = (job: string) =>
    `  ${job}:\n    runs-on: ubuntu-latest\n    container: node:20\n    steps: [{ run: echo in }]\n`
  commit({
    '.github/workflows/a.yml': `on: push\njobs:\n${docker('inside')}  out: { runs-on: ubuntu-latest, steps: [{ run: echo out }] }\n`,
    '.github/workflows/b.yml': `on: [push, pull_request]\njobs:\n${docker('inside')}`,
    '.github/workflows/c.yml': 'on: push\njobs:\n  one:\n    steps: [{ run: echo }]\n',
  })
  const open = await run([])
  expect(open).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/Several workflows listen to push: .*a\.yml.*b\.yml/),
  })
  const partly = await run(['a'])
  expect(partly).toMatchObject({ code: 1, stdout: expect.stringContaining('out') })
  expect(partly.stderr).toMatch(/a\.yml:5:\d+: /)
  expect(partly.stderr.indexOf('a.yml:5:')).toBeLessThan(partly.stderr.indexOf('on push: main'))
  expect(await run(['b.yml'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('No job of') })
  expect(await run(['c.yml'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/error: \.github\/workflows\/c\.yml:\d+:\d+: /),
  })
  expect(await run(['d.yml'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no workflow "d.yml"'),
  })
  expect(await run([], { cwd: folder })).toMatchObject({ code: 1, stderr: expect.stringContaining('working tree') })
})

test('what belongs to a run on the server is asked of the server', async () => {
  commit({ '.github/workflows/ci.yml': single('- run: echo here') })
  for (const given of [['--ref', 'main'], ['--watch'], ['-f', 'a=b'], ['-p', 'main']]) {
    const { code, stderr } = await run(['ci', ...given])
    expect([code, stderr], given[0]).toEqual([2, expect.stringContaining('--project')])
  }
})

test('a tree without any commit, and one without a branch, run as well', async () => {
  write({ '.juanie/workflows/ci.yml': single('- uses: actions/checkout@v4\n- run: ls -A && echo "on $GITHUB_REF"') })
  const fresh = await run([])
  expect(fresh).toMatchObject({ code: 0, stdout: expect.stringContaining('on refs/heads/main') })
  git('add', '-A')
  git('commit', '-qm', 'x')
  git('tag', 'v1.0')
  git('checkout', '-q', '--detach')
  expect(await run([])).toMatchObject({ code: 0, stdout: expect.stringContaining('on refs/tags/v1.0') })
})

const processes = (word: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word)
      } catch {
        return false
      }
    })

test('Ctrl-C ends what runs, lets steps clean up, and leaves nothing behind', async () => {
  const word = `86${Date.now()}`
  commit({
    '.github/workflows/ci.yml': `on: push
jobs:
  long:
    runs-on: ubuntu-latest
    steps:
      - run: sleep ${word} & sleep ${word}
      - run: echo never
      - { if: always(), run: echo cleaned up }
  next: { needs: long, runs-on: ubuntu-latest, steps: [{ run: echo next }] }
`,
  })
  const child = spawn(process.execPath, [launcher, 'workflow', 'run', '--json'], { cwd: tree, env: environment() })
  children.push(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const code = new Promise((resolve) => child.once('close', resolve))
  await until('the step to run', () => processes(word).length >= 2)
  child.kill('SIGINT')
  expect(await code).toBe(1)
  expect(stderr).toContain('cleaned up')
  expect(parsed({ code: 1, stdout, stderr })).toMatchObject({
    status: 'canceled',
    jobs: [
      { id: 'long', status: 'canceled' },
      { id: 'next', status: 'canceled' },
    ],
  })
  expect(processes(word)).toEqual([])
  const left = join(folder, 'cache/juanie/agent/local')
  expect(existsSync(left) ? readdirSync(left) : []).toEqual([])
})

test('a run whose command is killed ends by itself', async () => {
  const word = `87${Date.now()}`
  commit({ '.github/workflows/ci.yml': single(`- run: sleep ${word}\n- { if: always(), run: sleep ${word} }`) })
  const child = spawn(process.execPath, [launcher, 'workflow', 'run'], {
    cwd: tree,
    env: environment(),
    stdio: 'ignore',
  })
  children.push(child)
  await until('the step to run', () => processes(word).length > 0)
  child.kill('SIGKILL')
  await until('its programs to be gone', () => processes(word).length === 0)
  await until('its folder to be gone', () => readdirSync(join(folder, 'cache/juanie/agent/local')).length === 0)
})
