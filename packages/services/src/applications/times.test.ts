import { expect, test } from 'vitest'
import { defaultTimes } from './contract.ts'
import { applicationOf } from './testing.ts'
import { resolveTimes } from './times.ts'

test('what nobody set is the default', () => {
  expect(resolveTimes({})).toEqual(defaultTimes)
})

test('the environment wins over x-juanie, that over Compose, that over the default', () => {
  const times = resolveTimes({
    environment: { soakMs: 1 },
    xJuanie: { soakMs: 2, intervalMs: 2 },
    compose: { soakMs: 3, intervalMs: 3, timeoutMs: 3 },
  })
  expect(times).toMatchObject({ soakMs: 1, intervalMs: 2, timeoutMs: 3, retries: defaultTimes.retries })
})

test('a key that holds undefined sets nothing', () => {
  expect(resolveTimes({ environment: { soakMs: undefined }, xJuanie: { soakMs: 7 } }).soakMs).toBe(7)
})

test('a start period lengthens the start limit, whoever set it', () => {
  expect(resolveTimes({ compose: { startPeriodMs: 40_000 } }).startLimitMs).toBe(100_000)
  expect(resolveTimes({ environment: { startLimitMs: 5_000 }, compose: { startPeriodMs: 2_000 } }).startLimitMs).toBe(
    7_000,
  )
})

test('the longest back-off is never shorter than the shortest', () => {
  expect(resolveTimes({ environment: { backOffMinMs: 90_000 } }).backOffMaxMs).toBe(90_000)
})

test('the times of a service come from its description', () => {
  const { services } = applicationOf(`
services:
  web:
    command: node server.js
    ports: ['3000']
    healthcheck: { test: curl -f http://localhost:3000/health, interval: 20s, retries: 5, timeout: 2s, start_period: 10s }
    x-juanie: { health: { interval: 500ms, healthy: 2, soak: 5s } }
`)
  expect(resolveTimes({ environment: { retries: 4 }, ...services[0]!.health?.times })).toEqual({
    ...defaultTimes,
    intervalMs: 500,
    retries: 4,
    timeoutMs: 2_000,
    startPeriodMs: 10_000,
    startLimitMs: 70_000,
    healthy: 2,
    soakMs: 5_000,
  })
})
