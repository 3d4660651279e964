import { defaultTimes, type TimeSettings, type Times } from './contract.ts'

interface TimeSources {
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
