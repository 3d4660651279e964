import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { InstanceHealth } from '@juanie/services/hosts/contract'
import { type ProbeResult, startPauseMs } from './probe.ts'

export interface HealthWatchParts {
  health: InstanceHealth
  /** How long the process has run already, for one that was adopted. */
  ageMs: number
  /** It was healthy before this process of the agent began, so it is judged as one that runs. */
  isKnownHealthy: boolean
  probe(): Promise<ProbeResult>
  /** At least one probe a second, and all of them kept. */
  isWatched(): boolean
  onProbe(result: ProbeResult): void
  onHealthy(): void
  onUnhealthy(reason: string): void
  /** Bad probes in a row of one that was healthy; 0 after a good one. */
  onBadInARow(count: number): void
  signal: AbortSignal
}

/** A process without a port counts as healthy when it has stayed alive for so long. */
const aliveMs = 1_000
const watchedMs = 1_000

/**
 * Probes one process until the signal says stop. Resolves with `limit` when it did not become healthy within its start
 * limit.
 */
export async function watchHealth(parts: HealthWatchParts): Promise<'limit' | 'stopped'> {
  const { health, signal } = parts
  const began = performance.now() - parts.ageMs
  let isHealthy = parts.isKnownHealthy
  let good = 0
  let bad = 0
  if (health.probe.kind === 'alive' && !isHealthy) await sleep(aliveMs - parts.ageMs, signal)
  while (!signal.aborted) {
    const at = performance.now()
    const result = await parts.probe()
    if (signal.aborted) break
    parts.onProbe(result)
    good = result.good ? good + 1 : 0
    bad = result.good ? 0 : bad + 1
    if (isHealthy) {
      parts.onBadInARow(bad)
      if (bad === health.retries) parts.onUnhealthy(result.reason ?? 'The health check failed.')
      if (good === 1 && result.good) parts.onHealthy()
    } else if (good >= health.healthy) {
      isHealthy = true
      parts.onHealthy()
    } else if (since(began) >= health.startLimitMs) return 'limit'
    if (isHealthy) {
      // In slices, since a soak may begin in between.
      const left = () => (parts.isWatched() ? Math.min(health.intervalMs, watchedMs) : health.intervalMs) - since(at)
      await sleep(10, signal)
      while (!signal.aborted && left() > 0) await sleep(Math.min(left(), watchedMs), signal)
      continue
    }
    // Good ones on the way to healthy come as fast as the first.
    const everyMs = health.startIntervalMs ?? (result.good ? 10 : startPauseMs(since(began)))
    await sleep(Math.max(2, Math.min(everyMs - since(at), health.startLimitMs - since(began))), signal)
  }
  return 'stopped'
}

const since = (at: number): number => performance.now() - at

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await pause(ms, undefined, { signal }).catch(() => {})
}
