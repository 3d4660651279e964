/** Of the numbers that an environment may set, ends included; times in milliseconds. A test holds them to the contract. */
export const limits = {
  replicas: [1, 100],
  healthy: [1, 100],
  soakMs: [0, 24 * 3_600_000],
  drainMs: [0, 600_000],
  startLimitMs: [100, 3_600_000],
  probeTimeoutMs: [50, 60_000],
} as const satisfies Record<string, readonly [least: number, most: number]>
export type Setting = keyof typeof limits

export const settings = Object.keys(limits) as Setting[]
export const isTime = (setting: Setting): boolean => setting.endsWith('Ms')

export const positions = [1, 1000] as const
export const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/
export const longestBranch = 255
