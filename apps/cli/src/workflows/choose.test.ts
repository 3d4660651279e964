import { expect, test } from 'vitest'
import { candidate, chooseAlone, chooseNamed } from './choose.ts'

const workflow = (file: string, on: string, name?: string) =>
  candidate(
    `.github/workflows/${file}`,
    `${name ? `name: ${name}\n` : ''}on: ${on}\njobs: { a: { runs-on: ubuntu-latest, steps: [{ run: echo }] } }\n`,
  )
const ci = workflow('ci.yml', '[push, pull_request]', 'Tests')
const nightly = workflow('nightly.yaml', "{ schedule: [{ cron: '0 3 * * *' }] }")
const ship = workflow('ship.yml', '{ workflow_dispatch: }')
const called = workflow('called.yml', 'workflow_call')

test('the only workflow that listens to a push is meant, or to the event that is named', () => {
  expect(chooseAlone([ci, nightly, ship], undefined)).toMatchObject({ file: ci.file, event: 'push' })
  expect(chooseAlone([ci, nightly, ship], 'workflow_dispatch')).toMatchObject({ file: ship.file })
  expect(chooseAlone([nightly], undefined)).toMatchObject({ event: 'schedule' })
})

test('where several can be meant, or none, they are named', () => {
  const other = workflow('other.yml', 'push')
  expect(() => chooseAlone([ci, other, ship], undefined)).toThrow(
    'Several workflows listen to push: .github/workflows/ci.yml, .github/workflows/other.yml.',
  )
  expect(() => chooseAlone([ci, ship], 'release')).toThrow('No workflow listens to release.')
  expect(() => chooseAlone([nightly, ship], undefined)).toThrow('No workflow listens to push. Name one by its file')
  expect(() => chooseAlone([], undefined)).toThrow('juanie init')
})

test('a workflow is named by its path, its file with or without ending, or its name', () => {
  for (const named of ['.github/workflows/ci.yml', 'ci.yml', 'ci', 'Tests']) {
    expect(chooseNamed([ci, nightly], named, undefined).file).toBe(ci.file)
  }
  expect(chooseNamed([ci, nightly], 'nightly', undefined).event).toBe('schedule')
  expect(() => chooseNamed([ci, nightly], 'c', undefined)).toThrow('There is no workflow "c"; there is')
  expect(() => chooseNamed([ci, workflow('ci.yaml', 'push')], 'ci', undefined)).toThrow(
    'Several workflows can be meant',
  )
})

test('an event must be one that the workflow listens to', () => {
  expect(chooseNamed([ci], 'ci', 'pull_request').event).toBe('pull_request')
  expect(() => chooseNamed([ci], 'ci', 'release')).toThrow(
    'does not listen to release; it listens to push, pull_request.',
  )
  expect(() => chooseNamed([called], 'called', undefined)).toThrow('is only called by others')
  expect(() => chooseNamed([called], 'called', 'workflow_call')).toThrow('is only called by others')
})

test('a file that cannot be read is chosen all the same, to tell what is wrong with it', () => {
  const broken = candidate('ci.yml', 'on: push\njobs: 7\n')
  expect(chooseAlone([broken], undefined).parsed.workflow).toBeNull()
})
