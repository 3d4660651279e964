import { defaultTimes, type Health, type TimeSettings, type Times } from './contract.ts'

export interface TimeSources {
  /** The environment's own setting. */
  environment?: TimeSettings
  /** `x-juanie.health` of the description. */
  xJuanie?: TimeSettings
  /** Compose's `healthcheck` keys. */
  compose?: TimeSettings
}

/** The environment's own setting wins over `x-juanie`, that over Compose's keys, that over the defaults. */
export function resolveTimes({ environment = {}, xJuanie = {}, compose = {} }: TimeSources): Times {
  const times: Times = { ...defaultTimes }
  for (const source of [compose, xJuanie, environment]) {
    for (const [name, value] of Object.entries(source)) if (value !== undefined) Object.assign(times, { [name]: value })
  }
  // A start period says that the application is slow to start, so the limit of its start moves by as much.
  times.startLimitMs += times.startPeriodMs
  times.backOffMaxMs = Math.max(times.backOffMaxMs, times.backOffMinMs)
  return times
}

/** The times of one service: a service without a health check still has a soak and a back-off. */
export const timesOf = (health: Health | null, environment: TimeSettings = {}): Times =>
  resolveTimes({ environment, ...health?.times })
