import { expect, test } from 'vitest'
import { dispatchInputs } from './dispatch.ts'
import type { Outcome } from './model.ts'
import { ancestorsOf } from './needs.ts'
import { parseWorkflow } from './parse.ts'
import { type InstanceResult, jobResultOf, needsContext } from './results.ts'
import { matchesRunner } from './runners.ts'

test.each<[Outcome[], Outcome]>([
  [['success'], 'success'],
  [['success', 'failure', 'cancelled'], 'failure'],
  [['success', 'cancelled'], 'cancelled'],
  [['success', 'skipped'], 'success'],
  [['skipped', 'skipped'], 'skipped'],
  [[], 'skipped'],
])('instances that ended %j make the result %s', (outcomes, result) => {
  expect(jobResultOf(outcomes.map((outcome) => ({ outcome }))).result).toBe(result)
})

test('a failure that the job tolerates counts as success', () => {
  expect(jobResultOf([{ outcome: 'failure', continueOnError: true }, { outcome: 'success' }]).result).toBe('success')
  expect(jobResultOf([{ outcome: 'failure', continueOnError: true }, { outcome: 'failure' }]).result).toBe('failure')
})

test('of the outputs of a matrix the last that is not empty stays', () => {
  const instances: InstanceResult[] = [
    { outcome: 'success', outputs: { a: '1', b: '' } },
    { outcome: 'success', outputs: { a: '2', c: '' } },
    { outcome: 'success', outputs: { a: '' } },
  ]
  expect(jobResultOf(instances).outputs).toEqual({ a: '2', b: '', c: '' })
})

test('the needs context holds what is needed and nothing else', () => {
  const instances = { a: [{ outcome: 'success' as const, outputs: { x: '1' } }], b: [{ outcome: 'failure' as const }] }
  expect(needsContext(['a', 'c'], instances)).toEqual({
    a: { result: 'success', outputs: { x: '1' } },
    c: { result: 'skipped', outputs: {} },
  })
})

test('ancestors are found through other jobs', () => {
  const job = (id: string, needs: string[]) =>
    `  ${id}:\n    needs: ${JSON.stringify(needs)}\n    runs-on: x\n    steps: [{ run: a }]\n`
  const text = `on: push\njobs:\n${job('d', ['b', 'c'])}${job('a', [])}${job('b', ['a'])}${job('c', ['a'])}`
  const { workflow } = parseWorkflow('n.yml', text)
  expect(ancestorsOf(workflow!, 'd')).toEqual(['a', 'b', 'c'])
  expect(ancestorsOf(workflow!, 'a')).toEqual([])
})

test.each<[string[], string[], boolean]>([
  [['ubuntu-latest'], ['linux', 'x64'], true],
  [['Ubuntu-24.04'], ['Linux'], true],
  [['ubuntu-24.04-arm'], ['linux', 'x64'], false],
  [['ubuntu-24.04-arm'], ['linux', 'ARM64'], true],
  [['ubuntu-slim'], ['linux'], true],
  [['self-hosted', 'Linux', 'GPU'], ['linux', 'gpu'], true],
  [['self-hosted', 'linux', 'gpu'], ['linux'], false],
  [['windows-latest'], ['linux'], false],
  [['macos-latest'], ['linux', 'macos-latest'], true],
  [['ubuntu-latest'], ['gpu'], false],
  [[], ['linux'], false],
])('a job for %j and an agent with %j: %s', (runsOn, labels, matches) => {
  expect(matchesRunner(runsOn, labels)).toBe(matches)
})

const dispatch = `on:
  workflow_dispatch:
    inputs:
      text: { required: true }
      level: { type: choice, options: [low, high], default: low }
      count: { type: number, default: 2 }
      dry: { type: boolean }
      where: { type: environment }
jobs: { a: { runs-on: x, steps: [{ run: a }] } }`

test('inputs get their types and defaults', () => {
  const { workflow, problems } = parseWorkflow('d.yml', dispatch)
  expect(problems).toEqual([])
  expect(dispatchInputs(workflow!, { text: 'x' })).toEqual({
    inputs: { text: 'x', level: 'low', count: 2, dry: false, where: '' },
    problems: [],
  })
  expect(
    dispatchInputs(workflow!, { text: 'x', level: 'high', count: '1.5', dry: 'true', where: 'dev' }).inputs,
  ).toEqual({
    text: 'x',
    level: 'high',
    count: 1.5,
    dry: true,
    where: 'dev',
  })
})

test.each<[Record<string, string>, string]>([
  [{}, "'text' is required"],
  [{ text: '' }, "'text' is required"],
  [{ text: 'x', level: 'mid' }, 'low, high'],
  [{ text: 'x', count: 'many' }, 'number'],
  [{ text: 'x', dry: 'yes' }, 'true or false'],
  [{ text: 'x', other: '1' }, "no input 'other'"],
])('the inputs %j are refused', (given, message) => {
  const { workflow } = parseWorkflow('d.yml', dispatch)
  const { problems } = dispatchInputs(workflow!, given)
  expect(problems.map((each) => each.message).join()).toContain(message)
})

test('a workflow without workflow_dispatch cannot be started by hand', () => {
  const { workflow } = parseWorkflow('d.yml', 'on: push\njobs: { a: { runs-on: x, steps: [{ run: a }] } }')
  expect(dispatchInputs(workflow!, {}).problems).toHaveLength(1)
})
