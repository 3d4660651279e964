import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { JobTrial } from '../testing/job-trial.ts'

/** An action as its authors build it: GitHub's own toolkit and their code in one file. */
async function bundled(name: string): Promise<string> {
  const build = await rolldown({
    input: join(import.meta.dirname, `../testing/${name}.ts`),
    platform: 'node',
    transform: { target: 'node20' },
    logLevel: 'silent',
  })
  const { output } = await build.generate({ format: 'cjs', codeSplitting: false })
  await build.close()
  return output[0].code
}

let files: Record<string, string>
let trial: JobTrial
beforeAll(async () => {
  files = {
    'action.yml': `inputs: { node-version: {}, is it: { default: 'TRUE' }, fail: {} }
runs: { using: node24, main: dist/main.js, post: dist/post.js }`,
    'dist/main.js': await bundled('toolkit-main'),
    'dist/post.js': await bundled('toolkit-post'),
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
