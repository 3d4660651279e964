import { afterAll, beforeAll, expect, test } from 'vitest'
import { Juanie, processesNaming, until } from './lib/juanie.ts'
import { Project } from './lib/project.ts'

let juanie: Juanie
let shop: Project

beforeAll(async () => {
  juanie = await Juanie.start({ JUANIE_AGENT_JOBS: '4' })
  await juanie.login()
  shop = await Project.create(juanie, 'shop', 'empty')
})
afterAll(() => juanie[Symbol.asyncDispose]())

interface View {
  number: number
  status: string
  problems: { severity: string; message: string; position: { line: number; column: number } | null }[]
  jobs: {
    id: string
    name: string
    status: string
    waitsFor: string | null
    outputs: Record<string, string>
    steps: {
      place: number
      status: string
      conclusion: string
      lines: number
      summary: string | null
      annotations: { level: string; message: string }[]
    }[]
  }[]
}

/** Pushes a workflow and gives its run when it is over. */
async function run(workflow: string, limitMs = 60_000): Promise<View> {
  const commit = await shop.commit('workflow', { '.juanie/workflows/ci.yml': workflow })
  await shop.push()
  const { number } = await shop.runOf(commit, limitMs)
  return view(number)
}

const view = (number: number) => shop.json<View>(['run', 'view', String(number)])
const logs = async (number: number) => (await shop.run(['logs', String(number)])).stdout

test('needs, matrices, outputs, conditions and contexts work together', async () => {
  const { number, status, jobs } = await run(`on: push
env: { LEVEL: workflow }
defaults: { run: { shell: bash } }
jobs:
  make:
    runs-on: [self-hosted, linux]
    strategy:
      matrix: { os: [a, b], n: [1, 2], exclude: [{ os: b, n: 2 }], include: [{ os: c, n: 9 }] }
    outputs: { last: '\${{ steps.one.outputs.value }}' }
    steps:
      - id: one
        run: echo "value=\${{ matrix.os }}\${{ matrix.n }}" >> "$GITHUB_OUTPUT"
  skip:
    if: github.ref == 'refs/heads/other'
    runs-on: ubuntu-latest
    steps: [{ run: 'echo never' }]
  check:
    needs: [make, skip]
    if: always()
    runs-on: ubuntu-22.04
    env: { LEVEL: job }
    steps:
      - run: |
          echo "results \${{ needs.make.result }} \${{ needs.skip.result }} \${{ needs.make.outputs.last != '' }}"
          echo "level $LEVEL \${{ env.LEVEL }} \${{ github.ref_name }} \${{ github.event.ref }}"
          echo '# Summary' >> $GITHUB_STEP_SUMMARY
          echo '::warning file=a.js,line=2::careful'
        env: { LEVEL: step }
      - run: exit 1
        continue-on-error: true
      - if: failure()
        run: echo never
`)
  expect(status).toBe('succeeded')
  expect(jobs.map((job) => [job.name, job.status]).sort()).toEqual([
    ['check', 'succeeded'],
    ['make (a, 1)', 'succeeded'],
    ['make (a, 2)', 'succeeded'],
    ['make (b, 1)', 'succeeded'],
    ['make (c, 9)', 'succeeded'],
    ['skip', 'skipped'],
  ])
  const text = await logs(number)
  expect(text).toContain('results success skipped true')
  expect(text).toContain('level step step main refs/heads/main')
  const [first] = jobs.find(({ name }) => name === 'check')!.steps
  expect(first).toMatchObject({ summary: '# Summary\n', annotations: [{ level: 'warning', message: 'careful' }] })
})

test('what is not supported makes the run invalid at once, with file, line and column, and nothing runs', async () => {
  const { status, problems, jobs } = await run(`on: push
jobs:
  a:
    runs-on: ubuntu-latest
    services: { db: { image: postgres } }
    steps: [{ run: 'echo no' }]
`)
  expect(status).toBe('invalid')
  expect(jobs.every((job) => job.status === 'skipped' || job.steps.every((step) => step.status === 'pending'))).toBe(
    true,
  )
  expect(problems[0]).toMatchObject({ severity: 'error', position: { line: 5, column: expect.any(Number) } })
  const bomb = await run(
    'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\non: push\njobs: { x: { runs-on: *d } }\n',
  )
  expect(bomb.status).toBe('invalid')
  const cycle = await run(
    'on: push\njobs:\n  a: { needs: b, runs-on: linux, steps: [{ run: x }] }\n  b: { needs: a, runs-on: linux, steps: [{ run: x }] }\n',
  )
  expect(cycle.status).toBe('invalid')
  expect(cycle.problems.map(({ message }) => message).join()).toMatch(/cycle|circle|each other|itself/i)
})

test('a label that no agent has leaves the job queued, and says so', async () => {
  const commit = await shop.commit('label', {
    '.juanie/workflows/ci.yml': 'on: push\njobs:\n  a: { runs-on: [gpu], steps: [{ run: x }] }\n',
  })
  await shop.push()
  const { number } = await until('the run', async () => (await shop.runs()).find((each) => each.commit === commit))
  expect((await view(number)).jobs[0]).toMatchObject({ status: 'queued', waitsFor: expect.stringContaining('gpu') })
  expect((await shop.run(['status'])).stdout).toContain('gpu')
  await shop.run(['run', 'cancel', String(number)])
  expect((await shop.runOf(commit)).status).toBe('canceled')
})

test('four jobs that print 200,000 numbered lines at once: each line is stored and delivered once, in order', async () => {
  const { number, status, jobs } = await run(
    `on: push
jobs:
  count:
    runs-on: ubuntu-latest
    strategy: { matrix: { n: [1, 2, 3, 4] } }
    steps:
      - run: seq -f "job \${{ matrix.n }} line %.0f of a log that somebody reads while it grows" 1 200000
`,
    240_000,
  )
  expect(status).toBe('succeeded')
  expect(jobs.map(({ steps }) => steps[0]?.lines)).toEqual([200_000, 200_000, 200_000, 200_000])
  const { token } = await juanie.json<{ token: string }>(['token', 'create', 'reader'])
  const { id } = await shop.json<{ id: string }>(['project', 'view', 'main/shop'])
  for (const [index, job] of jobs.entries()) {
    const response = await fetch(`${juanie.url}/api/projects/${id}/runs/${number}/jobs/${job.id}/steps/0/log.txt`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const lines = (await response.text()).trimEnd().split('\n')
    expect(lines).toHaveLength(200_000)
    const n = /job (\d)/.exec(lines[0]!)?.[1]
    const wrong = lines.findIndex(
      (line, at) => line !== `job ${n} line ${at + 1} of a log that somebody reads while it grows`,
    )
    expect(wrong, `job ${index}`).toBe(-1)
  }
}, 300_000)

test('a cancelled run ends the whole tree of a step that ignores signals, double-forks and leaves its session', async () => {
  const commit = await shop.commit('stubborn', {
    '.juanie/workflows/ci.yml': `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: |
          trap '' TERM INT HUP
          (setsid sh -c 'trap "" TERM; echo daemon; while :; do sleep 0.2; done' &) &
          while :; do sleep 0.2; done
`,
  })
  await shop.push()
  const { number } = await until('the run', async () => (await shop.runs()).find((each) => each.commit === commit))
  await until('its output', async () => (await view(number)).jobs[0]?.steps[0]?.lines)
  await shop.run(['run', 'cancel', String(number)])
  expect((await shop.runOf(commit)).status).toBe('canceled')
  const inJobs = processesNaming(juanie.home).filter(({ command }) => /sleep|trap/.test(command))
  expect(inJobs).toEqual([])
}, 60_000)

test('binary output, a line of 50 MB and a masked value do no harm', async () => {
  const { number, status } = await run(`on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: head -c 1000000 /dev/urandom; echo; echo after binary
      - run: head -c 50000000 /dev/zero | tr '\\0' 'x'; echo; echo after long
      - run: |
          echo "::add-mask::hush-hush-value"
          echo "it is hush-hush-value"
`)
  expect(status).toBe('succeeded')
  const text = await logs(number)
  expect(text).toContain('after binary')
  expect(text).toContain('after long')
  expect(text).toMatch(/the line is cut here, \d+ more characters/)
  expect(text).toContain('it is ***')
}, 120_000)

test('an agent that is killed in a step: decided within five seconds, nothing is left, the job is repeated once', async () => {
  const commit = await shop.commit('kill', {
    '.juanie/workflows/ci.yml': `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "started $$"; sleep 8; echo finished
`,
  })
  await shop.push()
  const { number } = await until('the run', async () => (await shop.runs()).find((each) => each.commit === commit))
  await until('its output', async () => (await view(number)).jobs[0]?.steps[0]?.lines)
  const agent = processesNaming(juanie.home).find(({ command }) => /dist\/agent\.mjs/.test(command))
  process.kill(agent!.pid, 'SIGKILL')
  const killed = Date.now()
  await until('the decision', async () => (await view(number)).jobs.some((job) => job.status === 'lost'), 20_000)
  expect(Date.now() - killed).toBeLessThan(10_000)
  expect((await shop.runOf(commit)).status).toBe('succeeded')
  const { jobs } = await view(number)
  expect(jobs.map((job) => job.status)).toEqual(['lost', 'succeeded'])
}, 90_000)
