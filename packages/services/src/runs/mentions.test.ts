import { parseWorkflow } from '@juanie/workflow'
import { expect, test } from 'vitest'
import { secretsNamed } from './mentions.ts'

function named(step: string, head = ''): string[] | 'all' {
  const text = `on: push\n${head}jobs:\n  a:\n    runs-on: linux\n    steps:\n      - ${step.split('\n').join('\n        ')}\n`
  const { workflow, problems } = parseWorkflow('ci.yml', text)
  if (!workflow) throw new Error(JSON.stringify(problems))
  const found = secretsNamed(workflow.jobs[0]!, workflow)
  return found === 'all' ? found : found.sort()
}

test.each([
  ['run: echo', []],
  ['run: echo ${{ secrets.ONE }} ${{ secrets.two-b || secrets.ONE }}', ['ONE', 'TWO-B']],
  ["run: echo ${{ secrets['A_B'] }}", ['A_B']],
  ["run: echo\nenv:\n  T: ${{ format('{0}', SECRETS.t) }}", ['T']],
  ['run: echo secrets.NOT_ONE and $secrets', []],
  ["run: echo ${{ 'secrets.NOT' }} ${{ '}} ' }}${{ secrets.YES }}", ['YES']],
  ['run: echo ${{ github.event.secrets.no }}', []],
])('%s names %j', (step, names) => {
  expect(named(step)).toEqual(names)
})

test.each(['run: echo ${{ toJSON(secrets) }}', 'run: echo ${{ secrets[matrix.x] }}', 'run: echo ${{ secrets.* }}'])(
  '%s takes them all',
  (step) => {
    expect(named(step)).toBe('all')
  },
)

test('what the workflow gives to every job counts', () => {
  expect(named('run: echo', 'env:\n  T: ${{ secrets.SHARED }}\n')).toEqual(['SHARED'])
})
