import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { deploymentOf, reasonKeys, saidBy, sentences, withoutStep } from './sentences.ts'

const root = fileURLToPath(new URL('../../../../..', import.meta.url))
const sourceOf = (folder: string): string =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(root, folder, file), 'utf8'))
    .join('\n')

test('a sentence of the agent is known by its key and values', () => {
  expect(saidBy('The command ended with exit code 12.')).toEqual({ key: 'exitCode', values: { code: '12' } })
  expect(saidBy('The command was ended by SIGKILL.')).toEqual({ key: 'signal', values: { signal: 'SIGKILL' } })
  expect(saidBy('The step took longer than its timeout-minutes of 0.5.')).toEqual({
    key: 'stepTimeout',
    values: { minutes: '0.5' },
  })
  expect(saidBy('The command ended with exit code 12. Or not.')).toBeNull()
  const missing = (rest: string) => saidBy(`"go" is not on this machine. ${rest}`)
  expect(missing('Add a step before it that brings it, such as uses: actions/setup-go.')).toEqual({
    key: 'toolByAction',
    values: { tool: 'go', action: 'actions/setup-go' },
  })
  expect(missing('Install it on the host of the agent, or add a step before it that brings it.')).toEqual({
    key: 'tool',
    values: { tool: 'go' },
  })
})

test('the agent still says what is translated here', () => {
  const source = sourceOf('apps/agent/src')
  for (const { says } of sentences) {
    const words = says.source
      .replace(/^\^|\$$/g, '')
      .split(/\(\?<.*$/)[0]!
      .replaceAll('\\.', '.')
    expect(source).toContain(words)
  }
})

test('every key is one that the server gives', () => {
  const source = sourceOf('packages/services/src/runs')
  for (const key of reasonKeys) expect(source).toContain(`'${key}'`)
})

test('the name of the step is not said twice', () => {
  expect(withoutStep('Test: a: The command ended with exit code 1.', ['Build', 'Test: a'])).toBe(
    'The command ended with exit code 1.',
  )
  expect(withoutStep('Other: broken', ['Build'])).toBe('Other: broken')
})

test('a failed deployment is found in what its step said', () => {
  expect(deploymentOf('Deployment 7 to staging: failed. It did not become healthy within 60 s.')).toEqual({
    number: 7,
    environment: 'staging',
    status: 'failed',
  })
  expect(deploymentOf('Deployment of 7 to staging: failed.')).toBeNull()
})
