import { expect, test } from 'vitest'
import { whyNotHealthy } from './instance-words.ts'

const last = { good: false, isRefused: true, reason: 'Nothing answers.' } as never
const seen = { ports: [], port: 3000, limitMs: 1500, last }

test('what crashes until its time is over is told by its exit, also when it runs again at that moment', () => {
  expect(whyNotHealthy({ ...seen, exit: { code: 7, signal: null } })).toBe(
    'It exited with code 7 before it became healthy. Started again, it had not opened its port when its 1.5 s were over.',
  )
  expect(whyNotHealthy({ ...seen, exit: null })).toMatch(/^It never opened its port/)
})
