import { expect, test } from 'vitest'
import { outageOf } from './outage.ts'

const failed = (code: string, extra: object = {}) =>
  new Error('Failed query: select 1', { cause: Object.assign(new Error('why'), { code, ...extra }) })

test.each([
  ['a full disk', failed('53100'), 'database.disk_full'],
  ['a database that shuts down', failed('57P01'), 'database.away'],
  ['a database that starts', failed('57P03'), 'database.away'],
  ['a broken connection', failed('08006'), 'database.away'],
  ['too many connections', failed('53300'), 'database.away'],
  ['a closed port', failed('ECONNREFUSED', { syscall: 'connect' }), 'database.away'],
  ['a cut connection', new Error('x', { cause: new Error('Connection terminated unexpectedly') }), 'database.away'],
])('%s is an outage that passes', (_, error, reason) => {
  expect(outageOf(error)).toMatchObject({ code: 'unavailable', reason, cause: error })
})

test('a bug is no outage', () => {
  expect(outageOf(failed('42P01'))).toBeNull()
  expect(outageOf(new TypeError('x is not a function'))).toBeNull()
  expect(outageOf('text')).toBeNull()
})
