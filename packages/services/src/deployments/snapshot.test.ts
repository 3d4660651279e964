import { expect, test } from 'vitest'
import type { Problem } from '../applications/contract.ts'
import type { Snapshot } from './contract.ts'
import { digestOf } from './snapshot.ts'

const snapshot = (warning: Partial<Problem>): Snapshot => ({
  bundle: 'sha256:a',
  application: {
    services: [],
    routes: [],
    migrate: null,
    order: 'start-first',
    requires: [],
    asks: [],
    secrets: [],
    notHonoured: [],
    warnings: [
      { severity: 'warning', reason: 'r', message: 'It is so.', file: null, line: null, column: null, ...warning },
    ],
  },
  times: {},
  drainMs: 0,
  soakMs: 0,
  hostname: 'shop.localhost',
  variables: {},
  secrets: [],
})

test('the key and values of a warning leave the digest as it is', () => {
  expect(digestOf(snapshot({ key: 'variableUnset', values: { name: 'A' } }))).toBe(digestOf(snapshot({})))
  expect(digestOf(snapshot({ message: 'It is not so.' }))).not.toBe(digestOf(snapshot({})))
})
