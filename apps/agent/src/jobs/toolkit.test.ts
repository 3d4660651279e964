import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { JobTrial } from '../testing/job-trial.ts'

/** An action as its authors build it: GitHub's own toolkit and their code in one file. */
async function bundled(code: string): Promise<string> {
  const build = await rolldown({
    input: 'virtual:action',
    platform: 'node',
    transform: { target: 'node20' },
    logLevel: 'silent',
    plugins: [
      {
        name: 'action',
        resolveId: (id) => (id === 'virtual:action' ? join(import.meta.dirname, 'virtual-action.ts') : null),
        load: (id) => (id.endsWith('virtual-action.ts') ? code : null),
      },
    ],
  })
  const { output } = await build.generate({ format: 'cjs', codeSplitting: false })
  await build.close()
  return output[0].code
}

const main = `import * as core from '@actions/core'
import * as exec from '@actions/exec'
import * as glob from '@actions/glob'
import * as tools from '@actions/tool-cache'
import { writeFileSync, chmodSync } from 'node:fs'
import { join } from 'node:path'

async function run() {
  core.info('wants ' + core.getInput('node-version', { required: true }) + ' ' + core.getBooleanInput('is it'))
  core.setSecret('very-hidden-value')
  core.info('very-hidden-value')
  core.startGroup('found')
  const globber = await glob.create('**/*.txt')
  core.info((await globber.glob()).map((path) => path.slice(process.env.GITHUB_WORKSPACE.length)).join())
  core.endGroup()
  const { stdout } = await exec.getExecOutput('sh', ['-c', 'echo "$(basename "$PWD")"'], { silent: true })
  core.setOutput('folder', stdout.trim())
  core.exportVariable('CARRIED', 'a\\nb')
  const known = tools.find('thing', '1.x')
  const made = join(process.env.RUNNER_TEMP, 'thing')
  writeFileSync(made, '#!/bin/sh\\necho a thing from ' + (known ? 'the cache' : 'scratch') + '\\n')
  chmodSync(made, 0o755)
  core.addPath(known || (await tools.cacheFile(made, 'thing', 'thing', '1.2.3')))
  core.saveState('main', { seen: true })
  await core.summary.addHeading('Done').write()
  core.warning('careful', { file: 'x.txt', startLine: 3 })
  if (core.getInput('fail')) core.setFailed('as asked')
}
run()`

const post = `import * as core from '@actions/core'
core.info('state ' + core.getState('main') + ' ' + process.env.CARRIED.length)`

let files: Record<string, string>
let trial: JobTrial
beforeAll(async () => {
  files = {
    'action.yml': `inputs: { node-version: {}, is it: { default: 'TRUE' }, fail: {} }
runs: { using: node24, main: dist/main.js, post: dist/post.js }`,
    'dist/main.js': await bundled(main),
    'dist/post.js': await bundled(post),
  }
  trial = new JobTrial().action('acme/kit', files).repository({ 'x.txt': '', 'in/y.txt': '', 'z.md': '' })
}, 60_000)
afterAll(() => trial[Symbol.dispose]())

test('an action built with GitHub’s own toolkit finds all that it expects', async () => {
  const run = await trial.run(`
- uses: actions/checkout@v5
- id: kit
  uses: acme/kit@v1
  with: { node-version: 20 }
- run: thing; echo "$CARRIED" | wc -l; echo "\${{ steps.kit.outputs.folder }}"`)
  expect(run.end).toMatchObject({ result: 'succeeded' })
  expect(run.log(1)).toEqual([
    'wants 20 true',
    '***',
    '##[group]found',
    '/in/y.txt,/x.txt',
    '##[endgroup]',
    '##[warning]careful',
  ])
  expect(run.log(2)).toEqual(['a thing from scratch', '2', 'shop'])
  expect(run.log(3)).toEqual(['state {"seen":true} 3'])
  expect(run.reports).toContainEqual(expect.objectContaining({ kind: 'step.summary', markdown: '<h1>Done</h1>\n' }))
  expect(run.reports).toContainEqual(
    expect.objectContaining({ kind: 'step.annotation', level: 'warning', message: 'careful', file: 'x.txt', line: 3 }),
  )
})

test('what a job puts into the tool cache, the next one of the project finds', async () => {
  const run = await trial.run('- uses: acme/kit@v1\n  with: { node-version: 20 }\n- run: thing')
  expect(run.log(1)).toEqual(['a thing from scratch'])
  const [project] = readdirSync(join(trial.folder, 'agent/tools'))
  expect(existsSync(join(trial.folder, 'agent/tools', project!, 'thing/1.2.3'))).toBe(true)
})

test('setFailed fails the step, and its message is its reason', async () => {
  const run = await trial.run('- uses: acme/kit@v1\n  with: { node-version: 20, fail: yes }')
  expect(run.end).toMatchObject({ result: 'failed' })
  expect(run.log(0).slice(-2)).toEqual(['##[error]as asked', '##[error]The command ended with exit code 1.'])
})
