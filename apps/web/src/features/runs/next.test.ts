import { expect, test } from 'vitest'
import { nextOf } from './next.ts'

const failure = { status: 'failed' as const, step: 'Test', exitCode: 1, message: 'The command ended with exit code 1.' }

test.each([
  ['a command that failed', failure, 'command'],
  ['what a command said itself', { ...failure, message: 'expected 1 to be 2' }, 'command'],
  ['a machine that died', { ...failure, status: 'lost' as const, message: 'job.lost' }, 'lost'],
  ['a job that took too long', { ...failure, status: 'timed_out' as const, message: null }, 'timeout'],
  [
    'a step that took too long',
    { ...failure, exitCode: null, message: 'The step took longer than its timeout-minutes of 1.' },
    'timeout',
  ],
  [
    'a deployment',
    { ...failure, exitCode: null, message: 'Deployment 3 to dev: rolled_back. It became unhealthy.' },
    'deployment',
  ],
  ['a job that could not begin', { ...failure, step: null, exitCode: null, message: 'No such secret.' }, 'start'],
  ['an action', { ...failure, exitCode: null, message: 'release: "x" is not the number of a release.' }, 'step'],
  [
    'a full workspace',
    { ...failure, exitCode: null, message: 'The files of the job grew beyond the size limit of a workspace.' },
    'workspace',
  ],
])('after %s the next step is known', (_name, given, kind) => {
  expect(nextOf(given)).toBe(kind)
})
