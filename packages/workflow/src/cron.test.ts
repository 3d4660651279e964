import { expect, test } from 'vitest'
import { cronFault, nextTick } from './cron.ts'

test.each([
  ['* * * * *', '2026-03-01T00:00:30Z', '2026-03-01T00:01:00Z'],
  ['*/15 * * * *', '2026-03-01T10:15:00Z', '2026-03-01T10:30:00Z'],
  ['5/20 * * * *', '2026-03-01T10:26:00Z', '2026-03-01T10:45:00Z'],
  ['30 5 * * 1', '2026-03-01T00:00:00Z', '2026-03-02T05:30:00Z'],
  ['0 0 * * SUN', '2026-03-02T00:00:00Z', '2026-03-08T00:00:00Z'],
  ['0 0 * * 7', '2026-03-02T00:00:00Z', '2026-03-08T00:00:00Z'],
  ['0 12 1,15 * *', '2026-03-02T00:00:00Z', '2026-03-15T12:00:00Z'],
  // Either day is enough where both are restricted.
  ['0 0 13 * FRI', '2026-03-07T00:00:00Z', '2026-03-13T00:00:00Z'],
  ['0 0 10 * 3', '2026-03-05T00:00:00Z', '2026-03-10T00:00:00Z'],
  ['0 0 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00Z'],
  ['0 0 1 JAN-MAR/2 *', '2026-01-02T00:00:00Z', '2026-03-01T00:00:00Z'],
  ['59 23 31 12 *', '2026-12-31T23:59:00Z', '2027-12-31T23:59:00Z'],
])('%s comes next after %s at %s', (cron, after, next) => {
  expect(nextTick(cron, new Date(after))?.toISOString()).toBe(next.replace('Z', '.000Z'))
})

test('a time zone moves the time with its summer', () => {
  const next = (after: string) => nextTick('30 9 * * *', new Date(after), 'Europe/Berlin')?.toISOString()
  expect(next('2026-01-10T00:00:00Z')).toBe('2026-01-10T08:30:00.000Z')
  expect(next('2026-07-10T00:00:00Z')).toBe('2026-07-10T07:30:00.000Z')
  expect(nextTick('0 9 * * *', new Date('2026-01-10T00:00:00Z'), 'Asia/Shanghai')?.toISOString()).toBe(
    '2026-01-10T01:00:00.000Z',
  )
})

test.each([
  '',
  '* * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 8',
  '*/0 * * * *',
  'a * * * *',
  '1-0 * * * *',
  '0 0 30 2 *',
])('"%s" is no time', (cron) => {
  expect(cronFault(cron)).toMatchObject({ of: 'cron' })
})
