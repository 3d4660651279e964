import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { LeasedJob, MakeRelease, Report } from '@juanie/services/hosts/contract'
import { expandJob, parseWorkflow } from '@juanie/workflow'
import { rolldown } from 'rolldown'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { findIsolation, type HostIsolation } from '../host/isolation.ts'
import { markedBelow } from '../host/process-tree.ts'
import { ActionNodes } from './action-nodes.ts'
import { jobPrograms } from './job-programs.ts'
import { jobMark } from './job-shell.ts'
import { Jobs } from './jobs.ts'
import type { JobUpstream } from './upstream.ts'

/** Not this run's own PATH, whose folders other users may not be able to enter. */
const systemPath = '/usr/local/bin:/usr/bin:/bin'

let isolation: HostIsolation
let packer: string
let tools: string

beforeAll(async () => {
  tools = mkdtempSync(join(tmpdir(), 'juanie-tools-'))
  chmodSync(tools, 0o755)
  packer = join(tools, 'pack.mjs')
  const build = await rolldown({
    input: join(import.meta.dirname, 'pack-main.ts'),
    platform: 'node',
    transform: { target: 'node20' },
  })
  await build.write({ file: packer, format: 'esm' })
  await build.close()
  isolation = await findIsolation({ tools: [tools, dirname(dirname(process.execPath))] })
})
afterAll(() => rmSync(tools, { recursive: true }))

let home: string
let repository: string
let commit: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'juanie-jobs-'))
  chmodSync(home, 0o755)
  repository = join(home, 'repository.git')
  const work = join(home, 'work')
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', work, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args])
      .toString()
      .trim()
  mkdirSync(join(work, 'src'), { recursive: true })
  execFileSync('git', ['init', '-q', '-b', 'main', work])
  writeFileSync(join(work, 'src/hello.txt'), 'hello\n')
  writeFileSync(join(work, 'Procfile'), 'web: node server.js\n')
  git('add', '.')
  git('commit', '-qm', 'first')
  git('commit', '-qm', 'second', '--allow-empty')
  commit = git('rev-parse', 'HEAD')
  execFileSync('git', ['clone', '-q', '--bare', work, repository])
})

afterEach(() => {
  // Nothing that a job of these tests started is still there.
  const left = markedBelow(`${jobMark}b2c53a2e`).filter(
    ({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'latin1') !== '',
  )
  rmSync(home, { recursive: true, force: true })
  expect(left).toEqual([])
})

interface Heard {
  reports: Report[]
  lines: string[]
  /** Lines by place of the step. */
  logs: Map<number, string[]>
  releases: MakeRelease[]
}

function start(steps: string, options: { secrets?: Record<string, string>; timeoutMs?: number; matrix?: string } = {}) {
  const heard: Heard = { reports: [], lines: [], logs: new Map(), releases: [] }
  let over: () => void
  const ended = new Promise<void>((resolve) => {
    over = resolve
  })
  const upstream: JobUpstream = {
    report: (report) => {
      heard.reports.push(report)
      if (report.kind === 'job.ended') over()
    },
    log: (stream, lines) => {
      const texts = lines.map(([, text]) => text)
      heard.lines.push(...texts)
      heard.logs.set(stream.step, [...(heard.logs.get(stream.step) ?? []), ...texts])
    },
    serverUrl: () => 'http://127.0.0.1:3000',
    putBlob: async (_job, _digest, file) => {
      expect(existsSync(file)).toBe(true)
    },
    makeRelease: async (release) => {
      heard.releases.push(release)
      return { releaseId: 'r', number: 7, digest: release.bundle, notHonoured: [] }
    },
    resolveActions: async () => [],
    downloadAction: async () => {},
    askDeployment: async () => ({ deploymentId: 'd', number: 3 }),
    deploymentProgress: async () => ({
      status: 'succeeded',
      final: true,
      reason: null,
      url: 'http://shop-dev.localhost:8080',
      waitsFor: null,
    }),
  }
  const text = `on: push\nenv: { TOP: from workflow }\njobs:\n  build:\n    runs-on: ubuntu-latest\n    outputs: { made: '\${{ steps.maker.outputs.thing }}' }\n    steps:\n${steps.replace(/^/gm, '      ')}\n`
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  if (!workflow) throw new Error(JSON.stringify(problems))
  const [instance] = expandJob(workflow.jobs[0]!, {})
  const job: LeasedJob = {
    jobId: 'b2c53a2e-0000-7000-8000-000000000001',
    runId: 'b2c53a2e-0000-7000-8000-000000000002',
    runNumber: 1,
    projectId: 'b2c53a2e-0000-7000-8000-000000000003',
    instance: instance!,
    workflow: { name: 'ci', env: workflow.env, defaults: workflow.defaults },
    contexts: {
      github: { sha: commit, ref: 'refs/heads/main', event: { after: commit } },
      vars: {},
      secrets: options.secrets ?? {},
      needs: {},
      inputs: {},
      matrix: null,
    },
    repository: { path: '/git/main/shop.git', localPath: repository, commit, ref: 'refs/heads/main', gitToken: 'none' },
    services: { runtimeToken: 'runtime-pass', token: 'jgs_pass', idTokenRequest: 'identity-pass' },
    limits: { timeoutMs: options.timeoutMs ?? 60_000, workspaceBytes: 1e9, logBytes: 1e8, memoryBytes: null },
  }
  const jobs = new Jobs({
    home,
    nodeFolder: dirname(process.execPath),
    nodes: new ActionNodes({ folder: join(home, 'nodes'), own: process.execPath, given: null }),
    toolSeed: null,
    jobEnvironment: {},
    user: isolation.users.step,
    upstream,
    programsFor: (programs) =>
      jobPrograms({
        isolation,
        controlGroups: null,
        node: process.execPath,
        path: systemPath,
        packer,
        ...programs,
      }),
    warn: (message, error) => {
      throw new Error(message, { cause: error })
    },
  })
  jobs.lease({ job, fence: 1 })
  const ends = () => heard.reports.filter((report) => report.kind === 'step.ended')
  const end = () => heard.reports.find((report) => report.kind === 'job.ended')
  return { heard, jobs, job, ended: ended.then(() => jobs.close()), ends, end }
}

test('steps hand on environment, outputs, path and summary, and their lines are counted', async () => {
  const run = start(`- id: maker
  name: Make a thing
  run: |
    echo "thing=box" >> "$GITHUB_OUTPUT"
    echo "COLOUR=red" >> "$GITHUB_ENV"
    mkdir -p bin && printf '#!/bin/sh\\necho from bin\\n' > bin/tool && chmod +x bin/tool
    echo "$PWD/bin" >> "$GITHUB_PATH"
    echo '# Done' >> "$GITHUB_STEP_SUMMARY"
- run: echo "$COLOUR \${{ steps.maker.outputs.thing }} $TOP $OWN"; tool
  env: { OWN: 'step' }`)
  await run.ended
  expect(run.heard.lines).toEqual(['red box from workflow step', 'from bin'])
  expect(run.end()).toMatchObject({ result: 'succeeded', outputs: { made: 'box' } })
  expect(run.ends().map(({ lines, outcome }) => [lines, outcome])).toEqual([
    [0, 'success'],
    [2, 'success'],
  ])
  expect(run.heard.reports).toContainEqual(expect.objectContaining({ kind: 'step.summary', markdown: '# Done\n' }))
  expect(run.heard.reports).toContainEqual(
    expect.objectContaining({ kind: 'step.started', step: 0, name: 'Make a thing' }),
  )
})

test('a failing step skips the rest, but not those that ask for it, and a tolerated one fails nothing', async () => {
  const run = start(`- run: exit 3
  continue-on-error: true
- run: exit 4
- run: echo never
- if: failure()
  run: echo sorry
- if: always()
  run: echo bye`)
  await run.ended
  expect(run.ends().map(({ outcome, conclusion, exitCode }) => [outcome, conclusion, exitCode])).toEqual([
    ['failure', 'success', 3],
    ['failure', 'failure', 4],
    ['skipped', 'skipped', null],
    ['success', 'success', 0],
    ['success', 'success', 0],
  ])
  expect(run.end()).toMatchObject({ result: 'failed', reason: 'Run exit 4: The command ended with exit code 4.' })
})

test('the environment of a step is built from nothing and holds no secret of the agent', async () => {
  process.env.AGENT_ONLY = 'private'
  const run = start('- run: env | sort')
  await run.ended
  delete process.env.AGENT_ONLY
  const names = run.heard.lines.map((line) => line.split('=')[0])
  expect(names).toContain('GITHUB_SHA')
  expect(names).not.toContain('AGENT_ONLY')
  expect(run.heard.lines).toContain(`GITHUB_SHA=${commit}`)
})

test('a checkout holds the commit, is a clean repository, and knows its depth', async () => {
  const run = start(`- uses: actions/checkout@v4
- run: cat src/hello.txt; git status --short; git rev-parse HEAD; git log --oneline | wc -l; git branch --show-current
- uses: actions/checkout@v4
  with: { path: full, fetch-depth: 0 }
- run: git -C full log --oneline | wc -l; git -C full branch -r`)
  await run.ended
  expect(run.end()).toMatchObject({ result: 'succeeded' })
  expect(run.heard.logs.get(1)?.map((line) => line.trim())).toEqual(['hello', commit, '1', 'main'])
  expect(run.heard.logs.get(3)?.map((line) => line.trim())).toEqual(['2', 'origin/main'])
})

test.each([
  ["path: '${{ format(''../{0}'', ''out'') }}'", 'path: "../out" leads out of the workspace.'],
  ['ref: no-such-branch', 'ref: there is no branch, tag or commit "no-such-branch" in this repository.'],
  ['ref: --upload-pack=touch', 'ref: there is no branch, tag or commit "--upload-pack=touch" in this repository.'],
])('a checkout with %s is refused in words', async (input, reason) => {
  const run = start(`- uses: actions/checkout@v4\n  with: { ${input} }`)
  await run.ended
  expect(run.ends()[0]).toMatchObject({ outcome: 'failure', reason })
})

test('a secret reaches the step and never the log, nor an output of the job', async () => {
  const run = start(
    `- id: maker
  run: echo "value \${{ secrets.KEY }}"; echo "thing=\${{ secrets.KEY }}" >> $GITHUB_OUTPUT; printf %s "$KEY" | base64
  env: { KEY: '\${{ secrets.KEY }}' }`,
    { secrets: { KEY: 'correct-horse-battery' } },
  )
  await run.ended
  expect(run.heard.lines).toEqual(['value ***', '***'])
  expect(JSON.stringify(run.heard.reports)).not.toContain('correct-horse')
  expect(run.end()).toMatchObject({ outputs: {} })
})

test('a cancelled step that ignores signals, forks twice and leaves its session is gone with its tree', async () => {
  const run = start(`- run: |
    trap '' TERM INT HUP
    (setsid sh -c 'trap "" TERM; while :; do sleep 0.1; done' &) &
    echo ready
    while :; do sleep 0.1; done
- run: echo never
- if: always()
  run: echo cleanup`)
  await expect.poll(() => run.heard.lines, { timeout: 10_000 }).toContain('ready')
  run.jobs.cancel(run.job.jobId, 1, 'canceled')
  await run.ended
  expect(run.end()).toMatchObject({ result: 'canceled' })
  expect(run.heard.lines).toEqual(['ready', 'cleanup'])
  expect(run.ends().map(({ outcome }) => outcome)).toEqual(['cancelled', 'skipped', 'success'])
}, 30_000)

test('a background process lives until its job ends, and not longer', async () => {
  const run = start(`- run: (while :; do sleep 0.05; done) & echo $! > pid
- run: kill -0 "$(cat pid)" && echo alive`)
  await run.ended
  expect(run.heard.lines).toEqual(['alive'])
})

test('a step and a job end at their time limits, and say so', async () => {
  const step = start('- run: sleep 60\n  timeout-minutes: 0.005')
  await step.ended
  expect(step.ends()[0]).toMatchObject({
    outcome: 'failure',
    reason: 'The step took longer than its timeout-minutes of 0.005.',
  })
  const job = start('- run: sleep 60', { timeoutMs: 300 })
  await job.ended
  expect(job.end()).toMatchObject({ result: 'timed_out', reason: 'The job took longer than its limit of 0 s.' })
}, 30_000)

test('shells and templates of shells run the script, and an unknown one says what to write', async () => {
  const run = start(`- run: console.log('js')
  shell: node {0}
- run: echo $0 | grep -q sh && echo posix
  shell: sh
- run: false | true
  shell: bash
- if: always()
  run: x
  shell: \${{ 'fish' }}`)
  await run.ended
  expect(run.heard.lines.slice(0, 2)).toEqual(['js', 'posix'])
  expect(run.ends()[2]).toMatchObject({ outcome: 'failure', exitCode: 1 })
  expect(run.ends()[3]?.reason).toMatch(/^shell: "fish" is unknown\. Use bash, sh, pwsh, python/)
})

test('a python script runs in python', async ({ skip }) => {
  if (spawnSync('python3', ['--version']).error) skip('python3 is not installed')
  const run = start('- run: print("py")\n  shell: python')
  await run.ended
  expect(run.heard.lines).toEqual(['py'])
})

test('a release packs the folder as the step sees it, with what says how it runs', async () => {
  const run = start(`- uses: actions/checkout@v4
- run: mkdir out && echo "console.log(1)" > out/server.js && echo x > out/skip.log
- id: maker
  uses: juanie/release@v1
  with: { path: out, exclude: '*.log', name: nightly }
- run: echo "release \${{ steps.maker.outputs.release }} \${{ steps.maker.outputs.digest }}"
- uses: juanie/deploy@v1
  with: { environment: dev }`)
  await run.ended
  expect(run.end()).toMatchObject({ result: 'succeeded' })
  const [release] = run.heard.releases
  expect(release).toMatchObject({
    name: 'nightly',
    listing: ['server.js'],
    description: { Procfile: 'web: node server.js\n' },
  })
  expect(run.heard.logs.get(3)).toEqual([`release 7 ${release?.bundle}`])
  expect(run.heard.logs.get(4)?.at(-1)).toBe('http://shop-dev.localhost:8080')
})

test('200,000 lines arrive once and in order', async () => {
  const run = start('- run: seq 1 200000')
  await run.ended
  expect(run.heard.lines).toHaveLength(200_000)
  expect(run.heard.lines.every((line, index) => line === String(index + 1))).toBe(true)
})

test('a file for outputs that was replaced by a link or a pipe fails the step instead of the agent', async () => {
  const run = start(`- run: rm "$GITHUB_OUTPUT"; ln -s /etc/passwd "$GITHUB_OUTPUT"
- if: always()
  run: rm "$GITHUB_ENV"; mkfifo "$GITHUB_ENV"`)
  await run.ended
  expect(run.ends().map(({ reason }) => reason)).toEqual([
    'The file behind GITHUB_OUTPUT cannot be read: it was replaced by something else.',
    'The file behind GITHUB_ENV is no longer a file.',
  ])
})

test('a summary that is too large is left out and fails nothing, other files fail their step', async () => {
  const run =
    start(`- run: head -c 1048577 /dev/zero | tr '\\0' a > "$GITHUB_STEP_SUMMARY"; echo V=kept >> "$GITHUB_ENV"
- run: echo "V is $V"; head -c 1048577 /dev/zero | tr '\\0' a > "$GITHUB_ENV"`)
  await run.ended
  expect(run.heard.lines).toContain('V is kept')
  expect(run.heard.lines.join('\n')).toContain(
    'The file behind GITHUB_STEP_SUMMARY is larger than 1 MiB. It is left out.',
  )
  expect(run.ends().map(({ reason }) => reason)).toEqual([null, 'The file behind GITHUB_ENV is larger than 1 MiB.'])
})

test('the folders of the next job are ready before it comes, and leave nothing behind', async () => {
  // All jobs are closed with the first one that ends, which is the second.
  const run = start(`- run: pwd; id -u; stat -c %u .; case "$PWD" in */jobs/1/*) sleep 60;; esac`)
  await expect
    .poll(() => readdirSync(join(home, 'jobs')).some((name) => name.startsWith('next-')), { timeout: 5_000 })
    .toBe(true)
  const jobId = 'b2c53a2e-0000-7000-8000-000000000009'
  run.jobs.lease({ job: { ...run.job, jobId }, fence: 1 })
  await run.ended
  expect(run.end()).toMatchObject({ jobId, result: 'succeeded' })
  expect(run.heard.lines.filter((line) => line.endsWith('/work/shop'))).toHaveLength(2)
  const owners = new Set(run.heard.lines.filter((line) => /^\d+$/.test(line)))
  expect([...owners]).toEqual([String(isolation.users.step?.uid ?? process.getuid?.())])
  expect(readdirSync(join(home, 'jobs'))).toEqual([])
})

test('links that a step lays where the agent will write are taken away, not followed', async () => {
  const victim = join(home, 'victim')
  writeFileSync(victim, 'mine')
  const { uid } = statSync(victim)
  const run = start(
    `- run: |
    folder=$(dirname "$GITHUB_ENV")
    for name in env output path state summary script.sh; do ln -sf VICTIM "$folder/1-$name"; done
    for number in 2 3 4; do ln -sf VICTIM "$folder/$number.start"; done
- if: always()
  run: echo "A=b" >> "$GITHUB_ENV"; echo done
- if: always()
  run: echo "$A"`.replaceAll('VICTIM', victim),
  )
  await run.ended
  expect(readFileSync(victim, 'utf8')).toBe('mine')
  expect(statSync(victim).uid).toBe(uid)
  expect(run.heard.lines).toEqual(['done', 'b'])
})

test('a step whose folder is missing fails with the folder named', async () => {
  const run = start('- run: echo x\n  working-directory: nowhere')
  await run.ended
  expect(run.ends()[0]).toMatchObject({ outcome: 'failure' })
  expect(run.heard.lines.join()).toContain('nowhere')
})

test('a step that needs a tool which is not here says how to get it', async () => {
  const run = start('- run: |\n    echo begin\n    no-such-tool-of-juanie --version')
  await run.ended
  expect(run.ends()[0]).toMatchObject({
    exitCode: 127,
    reason: expect.stringMatching(/^"no-such-tool-of-juanie" is not on this machine\. Install it on the host/),
  })
})

test('a script learns where id tokens are, and no pass of its job shows', async () => {
  const run = start(
    '- run: echo "$ACTIONS_ID_TOKEN_REQUEST_URL $ACTIONS_ID_TOKEN_REQUEST_TOKEN [$ACTIONS_RUNTIME_TOKEN] jgs_pass runtime-pass"',
  )
  await run.ended
  expect(run.heard.lines.join()).toMatch(
    /http:\/\/127\.0\.0\.1:\d+\/api\/job\/id-token\?api-version=2\.0 \*\*\* \[\] \*\*\* \*\*\*/,
  )
})

test('a problem matcher makes annotations of what a compiler prints, until it is removed', async () => {
  const run = start(
    `- run: |
    echo '{"problemMatcher":[{"owner":"cc","pattern":[{"regexp":"^(.*):([0-9]+): (error|warning): (.*)$","file":1,"line":2,"severity":3,"message":4}]}]}' > cc.json
    echo "::add-matcher::cc.json"
- run: |
    echo "$PWD/src/a.c:7: warning: password is unused"
    echo "::remove-matcher owner=cc::"
- run: 'echo "b.c:8: error: nobody looks"; echo "::add-matcher::/etc/hostname"'`,
    { secrets: { WORD: 'password' } },
  )
  await run.ended
  const annotations = run.heard.reports.filter((report) => report.kind === 'step.annotation')
  expect(annotations).toMatchObject([
    { step: 1, level: 'warning', message: '*** is unused', file: 'src/a.c', line: 7, logLine: 1 },
  ])
  expect(run.heard.lines.some((line) => line.includes('are not used'))).toBe(true)
})
