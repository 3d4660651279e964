import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { JobTrial } from '../testing/job-trial.ts'

/** Says what it was given, phase by phase, and keeps a state that grows. */
const teller = (phase: string) => `const fs = require('node:fs')
console.log('${phase}', process.env.INPUT_WHO, process.env['INPUT_TWO-WORDS'], 'state', process.env.STATE_seen ?? '-')
console.log('cwd', process.cwd() === process.env.GITHUB_WORKSPACE, process.env.GITHUB_ACTION, process.env.GITHUB_ACTION_REPOSITORY, process.env.GITHUB_ACTION_REF)
fs.appendFileSync(process.env.GITHUB_STATE, 'seen=' + (process.env.STATE_seen ?? '') + '${phase},\\n')
fs.appendFileSync(process.env.GITHUB_OUTPUT, 'phase=${phase}\\n')
fs.appendFileSync(process.env.GITHUB_ENV, 'FROM_ACTION=${phase}\\n')
`
const tellerAction = {
  'action.yml': `inputs:
  who: { default: 'nobody at \${{ github.sha }}' }
  two-words: { default: x }
runs: { using: node20, pre: pre.js, main: dist/main.js, post: post.js }
`,
  'pre.js': teller('pre'),
  'dist/main.js': teller('main'),
  'post.js': teller('post'),
}

test('a JavaScript action runs before, in its place and after, with its inputs and its state', async () => {
  using trial = new JobTrial().action('acme/teller', tellerAction)
  const run = await trial.run(`
- run: echo first
- id: told
  uses: acme/teller@v1
  with: { Who: ada, two-words: 'a b' }
- run: echo "\${{ steps.told.outputs.phase }} $FROM_ACTION \${{ steps.told.outcome }}"`)
  expect(run.end).toMatchObject({ result: 'succeeded' })
  expect(run.steps).toEqual([
    ['Set up job', 'success'],
    ['Pre Run acme/teller@v1', 'success'],
    ['Run echo first', 'success'],
    ['Run acme/teller@v1', 'success'],
    [expect.stringContaining('Run echo "'), 'success'],
    ['Post Run acme/teller@v1', 'success'],
  ])
  expect(run.log(-1000)).toEqual(['pre ada a b state -', 'cwd true told acme/teller v1'])
  expect(run.log(1)).toEqual(['main ada a b state pre,', 'cwd true told acme/teller v1'])
  expect(run.log(2)).toEqual(['main main success'])
  expect(run.log(3)).toEqual(['post ada a b state pre,main,', 'cwd true told acme/teller v1'])
  expect(run.log(-1001)).toContain(`Download action repository 'acme/teller@v1' (SHA:${'c'.repeat(40)})`)
})

test('a default is an expression, an unknown input is named, and a tree is fetched once', async () => {
  using trial = new JobTrial().action('acme/teller', tellerAction)
  const run = await trial.run('- uses: acme/teller@v1\n  with: { where: here }\n- uses: acme/teller@v2')
  expect(run.log(0)[0]).toMatch(/Unexpected input\(s\) 'where', valid inputs are \['who', 'two-words'\]/)
  expect(run.log(0)[1]).toMatch(/^main nobody at [0-9a-f]{40} x /)
  expect(run.log(1)[1]).toContain('__acme_teller_2')
  await trial.run('- uses: acme/teller@v1')
  expect(trial.downloads).toBe(1)
  expect(trial.asked).toEqual([['acme/teller@v1', 'acme/teller@v2'], ['acme/teller@v1']])
})

test('posts run in reverse, also after a failure, unless their condition says no', async () => {
  const post = (name: string, when: string) => ({
    'action.yml': `runs: { using: node20, main: main.js, post: post.js${when} }`,
    'main.js': '',
    'post.js': `console.log('after ${name}')`,
  })
  using trial = new JobTrial()
    .action('acme/one', post('one', ''))
    .action('acme/two', post('two', ", post-if: 'success()'"))
    .action('acme/three', post('three', ", post-if: 'failure()'"))
    .action('acme/never', post('never', ''))
  const run = await trial.run(`
- uses: acme/one@v1
- uses: acme/two@v1
- uses: acme/three@v1
- uses: acme/never@v1
  if: false
- run: exit 1`)
  expect(run.end).toMatchObject({ result: 'failed', reason: 'Run exit 1: The command ended with exit code 1.' })
  expect(run.steps.slice(-2)).toEqual([
    ['Post Run acme/three@v1', 'success'],
    ['Post Run acme/one@v1', 'success'],
  ])
  expect(run.lines.filter((line) => line.startsWith('after'))).toEqual(['after three', 'after one'])
})

test('a composite action has inputs, steps, outputs and conditions of its own, and may lie in another', async () => {
  using trial = new JobTrial().action('acme/outer', {
    'action.yml': `inputs: { name: { default: world } }
outputs:
  said: { value: '\${{ steps.inner.outputs.text }}' }
  secret: { value: '\${{ secrets.KEY }}' }
runs:
  using: composite
  steps:
    - { id: inner, uses: ./../../nowhere, if: false }
    - run: 'echo "outer \${{ inputs.name }} \${{ steps.told.outcome }}|\${{ secrets.KEY }}|$GITHUB_ACTION_PATH" && ls "$GITHUB_ACTION_PATH" && echo CARRIED=on >>"$GITHUB_ENV"'
      shell: bash
    - { uses: acme/outer/inner@v9, with: { text: '<\${{ inputs.name }}>' }, id: inner }
    - { run: exit 3, shell: sh, continue-on-error: true, id: bad }
    - { run: 'echo "\${{ steps.bad.outcome }} \${{ steps.bad.conclusion }}"', shell: sh }
`.replace('    - { id: inner, uses: ./../../nowhere, if: false }\n', ''),
    'inner/action.yml': `inputs: { text: {} }
outputs: { text: { value: '\${{ steps.make.outputs.made }}' } }
runs:
  using: composite
  steps:
    - { id: make, run: 'echo "made=\${{ inputs.text }}!" >>"$GITHUB_OUTPUT"', shell: bash }
    - { uses: $/scripts }
`,
    'scripts/action.yml': 'runs: { using: node20, main: ../say.js, post: ../say.js }',
    'say.js': "console.log('script', process.env.GITHUB_ACTION_REPOSITORY)",
  })
  const run = await trial.run(
    `
- id: told
  run: 'true'
- id: outer
  uses: acme/outer@v1
  with: { name: ada }
- run: echo "$CARRIED \${{ steps.outer.outputs.said }} [\${{ steps.outer.outputs.secret }}] [\${{ steps.inner.outcome }}] \${{ secrets.KEY }}"`,
    { secrets: { KEY: 'hidden-value' } },
  )
  expect(run.end).toMatchObject({ result: 'succeeded' })
  const said = run.log(1).filter((line) => !line.startsWith('##['))
  expect(said).toEqual([
    expect.stringMatching(/^outer ada \|\|.*\/actions\/acme\/outer\/c{40}$/),
    'action.yml',
    'inner',
    'say.js',
    'scripts',
    'script acme/outer',
    'failure success',
  ])
  expect(run.log(2)).toEqual(['on <ada>! [] [] ***'])
  expect(run.steps.at(-1)).toEqual(['Post Run $/scripts', 'success'])
})

test('within a composite action a failure skips what does not ask for it, and fails the step', async () => {
  using trial = new JobTrial().repository({
    'act/action.yml': `runs:
  using: composite
  steps:
    - { run: exit 4, shell: bash }
    - { run: echo never, shell: bash }
    - { run: echo sorry, shell: bash, if: failure() }
`,
  })
  const run = await trial.run(`
- uses: actions/checkout@v4
- uses: ./act
  continue-on-error: true
- run: echo on`)
  expect(run.lines).toContain('sorry')
  expect(run.lines).not.toContain('never')
  expect(run.ended(1)).toMatchObject({
    outcome: 'failure',
    conclusion: 'success',
    reason: 'The command ended with exit code 4.',
  })
  expect(run.end).toMatchObject({ result: 'succeeded' })
})

test('an action of the workspace is read when its step runs, and not before a checkout', async () => {
  using trial = new JobTrial().repository({
    'act/action.yml': 'runs: { using: node20, main: main.js }',
    'act/main.js': "console.log('local', process.env.GITHUB_ACTION)",
  })
  const early = await trial.run('- uses: ./act')
  expect(early.end).toMatchObject({
    reason: expect.stringContaining('A step with actions/checkout must stand before it'),
  })
  const run = await trial.run(`
- uses: actions/checkout@v4
- run: |
    mkdir made
    printf 'runs:\\n  using: node20\\n  main: m.js\\n' >made/action.yml
    echo "console.log('made here')" >made/m.js
- uses: ./act
- uses: ./made
- uses: $/act`)
  expect(run.end).toMatchObject({ result: 'succeeded' })
  expect(run.lines).toEqual(expect.arrayContaining(['local __self', 'made here', 'local __main_shop']))
})

test('a link out of the workspace is not read for an action', async () => {
  using trial = new JobTrial().repository({ x: '' })
  const run = await trial.run(`
- run: mkdir act && ln -s /etc/passwd act/action.yml
- uses: ./act`)
  expect(run.end).toMatchObject({ result: 'failed' })
  expect(run.lines.join('\n')).not.toContain('root:')
})

test('what cannot run is told before anything starts, with its place', async () => {
  using trial = new JobTrial()
    .action('acme/docker', { 'action.yml': 'runs: { using: docker, image: Dockerfile }' })
    .action('acme/wrong', { 'action.yml': 'runs: { using: composite, steps: [{ run: echo }] }' })
    .action('acme/around', { 'action.yml': 'runs: { using: composite, steps: [{ uses: acme/around@v1 }] }' })
  trial.refused['acme/none@v1'] = 'There is none.'
  for (const [uses, reason] of [
    [
      'acme/docker@v1',
      /ci\.yml line 7, column 9: 'acme\/docker@v1' runs in a container, which needs the Docker executor/,
    ],
    ['acme/wrong@v1', /acme\/wrong@v1\/action.yml line 1, column \d+: A run step of a composite action needs 'shell'/],
    ['acme/none@v1', /acme\/none@v1: There is none\./],
    ['acme/around@v1', /more than 10 composite actions/],
  ] as const) {
    const run = await trial.run(`- run: echo started\n- uses: ${uses}`)
    expect(run.end).toMatchObject({ result: 'failed', reason: expect.stringMatching(reason) })
    expect(run.lines).not.toContain('started')
  }
})

test('an action that asks for Node.js 24 gets it, else the host’s with a word about it', async () => {
  using trial = new JobTrial().action('acme/new', {
    'action.yml': 'runs: { using: node24, main: main.js }',
    'main.js': 'console.log(process.version)',
  })
  trial.node24 = '/nowhere/node'
  const run = await trial.run('- uses: acme/new@v1')
  expect(run.end).toMatchObject({ result: 'succeeded' })
  expect(run.log(0)[0]).toMatch(/##\[warning\]Node\.js 24 is not there .*JUANIE_NODE24/)
  expect(run.log(0)[1]).toBe(process.version)
})

test('steps in the background run beside the others, with logs of their own', async () => {
  using trial = new JobTrial()
  const started = performance.now()
  const run = await trial.run(`
- id: server
  run: 'echo serving; touch "$RUNNER_TEMP/up"; sleep 60'
  background: true
- run: 'while [ ! -e "$RUNNER_TEMP/up" ]; do sleep 0.01; done; echo after'
- parallel:
    - { id: a, run: 'touch "$RUNNER_TEMP/a"; while [ ! -e "$RUNNER_TEMP/b" ]; do sleep 0.01; done; echo a' }
    - { id: b, run: 'touch "$RUNNER_TEMP/b"; while [ ! -e "$RUNNER_TEMP/a" ]; do sleep 0.01; done; echo b; echo "x=1" >>"$GITHUB_OUTPUT"' }
- cancel: server
- run: echo "\${{ steps.a.outcome }} \${{ steps.b.outputs.x }} \${{ steps.server.outcome }}"`)
  expect(performance.now() - started).toBeLessThan(30_000)
  expect([run.log(0), run.log(1), run.log(2), run.log(3)]).toEqual([['serving'], ['after'], ['a'], ['b']])
  expect(run.log(6)).toEqual(['success 1 cancelled'])
  expect(run.end).toMatchObject({ result: 'succeeded' })
})

test('a failing step of a parallel group fails the job after the others are over', async () => {
  using trial = new JobTrial()
  const run = await trial.run(`
- parallel:
    - run: exit 1
    - run: sleep 0.3; echo late
- run: echo never`)
  expect(run.end).toMatchObject({ result: 'failed' })
  expect(run.lines).toEqual(expect.arrayContaining(['late']))
  expect(run.lines).not.toContain('never')
})

test('a cancelled action still gets its post script, and a time limit ends a main script', async () => {
  using trial = new JobTrial().action('acme/slow', {
    'action.yml': 'runs: { using: node20, main: main.js, post: post.js }',
    'main.js': "console.log('begun'); setInterval(() => {}, 1000)",
    'post.js': "console.log('cleaned')",
  })
  const canceled = await trial.run('- uses: acme/slow@v1\n- run: echo never', {
    onReport: (report, jobs, job) => {
      if (report.kind === 'step.started' && report.step === 0)
        setTimeout(() => jobs.cancel(job.jobId, 1, 'canceled'), 200)
    },
  })
  expect(canceled.end).toMatchObject({ result: 'canceled' })
  expect(canceled.log(2)).toEqual(['cleaned'])
  const late = await trial.run('- uses: acme/slow@v1\n  timeout-minutes: 0.005')
  expect(late.ended(0)).toMatchObject({ outcome: 'failure', reason: expect.stringContaining('timeout-minutes') })
  expect(late.log(1)).toEqual(['cleaned'])
})

test('an action gets the passes of the job’s services, a script does not', async () => {
  using trial = new JobTrial().action('acme/env', {
    'action.yml': 'inputs: { token: { default: "${{ github.token }}" } }\nruns: { using: node20, main: main.js }',
    'main.js':
      'console.log(process.env.ACTIONS_RUNTIME_TOKEN.length, process.env.ACTIONS_RESULTS_URL, process.env.INPUT_TOKEN, process.env.HOME !== undefined, process.execArgv.length, process.env.JUANIE_ENVIRONMENT)',
  })
  const run = await trial.run('- uses: acme/env@v1\n- run: echo "[$ACTIONS_RUNTIME_TOKEN]"')
  expect(run.log(0)).toEqual([expect.stringMatching(/^12 http:\/\/127\.0\.0\.1:\d+\/ \*\*\* true 0 undefined$/)])
  expect(run.log(1)).toEqual(['[]'])
})

test('a checkout may leave most of the work tree out, and bring the tags along', async () => {
  using trial = new JobTrial().repository({
    'read.me': '',
    'docs/a.txt': '',
    'docs/deep/b.txt': '',
    'src/c.txt': '',
    'src/-d/e.txt': '',
  })
  const first = await trial.run('- run: echo')
  expect(first.end).toMatchObject({ result: 'succeeded' })
  trial.git('tag', 'v1')
  trial.repository({ 'src/c.txt': 'more' })
  const run = await trial.run(`
- uses: actions/checkout@v5
  with:
    path: cone
    fetch-tags: true
    sparse-checkout: |
      docs
      -d
- run: cd cone; git ls-files | wc -l; find . -type f -not -path './.git/*' | sort; git status --short; git tag; git log --oneline | wc -l
- uses: actions/checkout@v5
  with: { path: files, sparse-checkout: '*.txt', sparse-checkout-cone-mode: false }
- run: cd files; find . -type f -not -path './.git/*' | sort; git status --short; git tag`)
  expect(run.end).toMatchObject({ result: 'succeeded' })
  expect(run.log(1)).toEqual(['5', './docs/a.txt', './docs/deep/b.txt', './read.me', 'v1', '1'])
  expect(run.log(3)).toEqual(['./docs/a.txt', './docs/deep/b.txt', './src/-d/e.txt', './src/c.txt'])
})

test('what a job masks shows in no name, summary, annotation or output', async () => {
  using trial = new JobTrial().action('acme/keep', {
    'action.yml': 'runs: { using: node20, main: main.js }',
    'main.js': `const { ACTIONS_RESULTS_URL: base, ACTIONS_RUNTIME_TOKEN: token } = process.env
const make = async (method, body) => {
  const url = base + 'twirp/github.actions.results.api.v1.' + method
  const answer = await fetch(url, { method: 'POST', headers: { authorization: 'Bearer ' + token }, body: JSON.stringify(body) })
  console.log(method, answer.status)
}
const names = async () => {
  for (const name of ['plain', 'of moonlight']) await make('ArtifactService/CreateArtifact', { name })
  for (const key of ['plain', 'moonlight-1']) await make('CacheService/CreateCacheEntry', { key, version: 'a' })
}
names()`,
  })
  const run = await trial.run(`
- id: word
  name: Word
  run: |
    echo "::add-mask::moonlight"
    echo "word=moonlight" >> "$GITHUB_OUTPUT"
    echo "# moonlight" >> "$GITHUB_STEP_SUMMARY"
    echo "::warning file=moonlight.c,title=of moonlight::it is moonlight"
- name: Say \${{ steps.word.outputs.word }}
  run: echo "\${{ steps.word.outputs.word }}"
- uses: acme/keep@v1`)
  // Nobody listens where the server would be.
  expect(run.log(2)).toEqual([
    'ArtifactService/CreateArtifact 502',
    'ArtifactService/CreateArtifact 400',
    'CacheService/CreateCacheEntry 502',
    'CacheService/CreateCacheEntry 400',
  ])
  expect(run.steps.map(([name]) => name)).toContain('Say ***')
  expect(JSON.stringify([run.reports, run.lines])).not.toContain('moonlight')
})

test('a job tells the address of its environment, unless that would show a secret', async () => {
  using trial = new JobTrial()
  const steps = '- id: up\n  run: echo "host=dev.example.com" >> "$GITHUB_OUTPUT"; echo "::add-mask::of-a-secret"'
  const urlOf = async (url: string) => {
    const more = `    environment: { name: dev, url: '${url}' }\n`
    return (await trial.run(steps, { more })).end
  }
  expect(await urlOf('https://${{ steps.up.outputs.host }}/${{ job.status }}')).toMatchObject({
    environmentUrl: 'https://dev.example.com/success',
  })
  for (const url of ['https://of-a-secret.example.com', '', '${{ fromJSON(steps.up.outputs.host) }}']) {
    expect(await urlOf(url)).toMatchObject({ result: 'succeeded', environmentUrl: null })
  }
})

test('jobs one after the other lie at the same path, by which a saved cache is known', async () => {
  using trial = new JobTrial()
  const where = async () => (await trial.run('- run: echo "$GITHUB_WORKSPACE $HOME"')).log(0)
  expect(await where()).toEqual(await where())
})

test('jobs of a project keep a tool cache, and nothing else', async () => {
  using trial = new JobTrial()
  const steps =
    '- run: echo "$(ls "$RUNNER_TOOL_CACHE" "$HOME" "$RUNNER_TEMP" | grep kept)"; touch "$RUNNER_TOOL_CACHE/kept-tool" "$HOME/kept-home" "$RUNNER_TEMP/kept-temp"'
  expect((await trial.run(steps)).log(0)).toEqual([''])
  expect((await trial.run(steps)).log(0)).toEqual(['kept-tool'])
  expect(readdirSync(join(trial.folder, 'agent/tools'))).toHaveLength(1)
})

test('a checkout leaves the job’s own token for later git commands, unless it is asked not to', async () => {
  using trial = new JobTrial().repository({ x: '' })
  const steps = (inputs: string) =>
    `- uses: actions/checkout@v5${inputs}\n- run: 'echo "[$(git config http.http://127.0.0.1:3000/.extraheader | wc -c)]"; git config remote.origin.url'`
  const kept = await trial.run(steps(''))
  expect(kept.log(1)).toEqual(['[54]', 'http://127.0.0.1:3000/git/main/shop.git'])
  const without = await trial.run(steps('\n  with: { persist-credentials: false }'))
  expect(without.log(1)[0]).toBe('[0]')
})

/** https://docs.github.com/en/actions/reference/workflows-and-actions/variables, but for those of one kind of step. */
const documented =
  `CI GITHUB_ACTION GITHUB_ACTIONS GITHUB_ACTOR GITHUB_ACTOR_ID GITHUB_API_URL GITHUB_BASE_REF GITHUB_ENV
  GITHUB_EVENT_NAME GITHUB_EVENT_PATH GITHUB_GRAPHQL_URL GITHUB_HEAD_REF GITHUB_JOB GITHUB_OUTPUT GITHUB_PATH GITHUB_REF
  GITHUB_REF_NAME GITHUB_REF_PROTECTED GITHUB_REF_TYPE GITHUB_REPOSITORY GITHUB_REPOSITORY_ID GITHUB_REPOSITORY_OWNER
  GITHUB_REPOSITORY_OWNER_ID GITHUB_RETENTION_DAYS GITHUB_RUN_ATTEMPT GITHUB_RUN_ID GITHUB_RUN_NUMBER GITHUB_SERVER_URL
  GITHUB_SHA GITHUB_STATE GITHUB_STEP_SUMMARY GITHUB_TRIGGERING_ACTOR GITHUB_WORKFLOW GITHUB_WORKFLOW_REF
  GITHUB_WORKFLOW_SHA GITHUB_WORKSPACE HOME RUNNER_ARCH RUNNER_ENVIRONMENT RUNNER_NAME RUNNER_OS RUNNER_TEMP
  RUNNER_TOOL_CACHE RUNNER_WORKSPACE`.split(/\s+/)
const ofActions =
  `ACTIONS_CACHE_SERVICE_V2 ACTIONS_CACHE_URL ACTIONS_RESULTS_URL ACTIONS_RUNTIME_TOKEN ACTIONS_RUNTIME_URL
  GITHUB_ACTION_PATH GITHUB_ACTION_REF GITHUB_ACTION_REPOSITORY`.split(/\s+/)
const inGithub =
  `action actor actor_id api_url base_ref env event event_name event_path graphql_url head_ref job output path
  ref ref_name ref_protected ref_type repository repository_id repository_owner repository_owner_id repositoryUrl
  retention_days run_attempt run_id run_number secret_source server_url sha state step_summary token triggering_actor
  workflow workflow_ref workflow_sha workspace`.split(/\s+/)

test('every default variable and every key of the contexts is there, for scripts and for actions', async () => {
  using trial = new JobTrial()
    .action('acme/kit', {
      'action.yml': 'runs: { using: node20, main: main.js }',
      'main.js': 'console.log(JSON.stringify(process.env))',
    })
    .action('acme/both', {
      'action.yml': `runs:
  using: composite
  steps:
    - run: echo "$GITHUB_ACTION $GITHUB_ACTION_REPOSITORY $GITHUB_ACTION_REF \${GITHUB_ACTION_PATH##*/}"
      shell: bash`,
    })
  const run = await trial.run(`
- run: node -p 'JSON.stringify(process.env)'
- run: echo '\${{ toJSON(github) }}'
- id: named
  run: echo '\${{ toJSON(runner) }}' '\${{ toJSON(job) }}' "$GITHUB_ACTION"; echo "\${{ github.env == '' }} \${{ github.path }}" "$GITHUB_PATH"
- uses: acme/kit@v1
- uses: acme/both@v2`)
  expect(run.end).toMatchObject({ result: 'succeeded' })
  const script = JSON.parse(run.log(0).join(''))
  for (const name of documented) expect(script, name).toHaveProperty(name)
  expect(script).toMatchObject({ GITHUB_ACTION: '__run', GITHUB_ACTOR_ID: '1', GITHUB_REPOSITORY_OWNER_ID: '3' })
  expect(Object.keys(JSON.parse(run.log(1).join(''))).sort()).toEqual([...inGithub].sort())
  const third = run.log(2).join(' ')
  for (const name of ['arch', 'debug', 'environment', 'name', 'os', 'temp', 'tool_cache', 'workspace']) {
    expect(third).toContain(`"${name}":`)
  }
  for (const name of ['status', 'workflow_ref', 'workflow_sha']) expect(third).toContain(`"${name}":`)
  expect(third).toContain('} named')
  expect(run.log(2).at(-1)).toMatch(/^false (\/\S+) \1$/)
  const action = JSON.parse(run.log(3).at(-1)!)
  for (const name of [...documented, ...ofActions]) expect(action, name).toHaveProperty(name)
  expect(action).toMatchObject({ GITHUB_ACTION: '__acme_kit', GITHUB_ACTION_REPOSITORY: 'acme/kit' })
  expect(run.log(4).at(-1)).toMatch(/^__run_\d acme\/both v2 \S+$/)
})
