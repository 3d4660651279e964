const second = 1_000
const unitMs: Record<string, number> = {
  w: 604_800 * second,
  d: 86_400 * second,
  h: 3_600 * second,
  m: 60 * second,
  s: second,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  μs: 0.001,
  ns: 0.000_001,
}

/** Compose's durations, `1m30s` or `500ms`, in milliseconds; null when it is not one. Rounded up, so never lost. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim()
  if (trimmed === '0') return 0
  if (
    !/^\+?(\d+(\.\d*)?|\.\d+)(w|d|h|ms|m|s|us|µs|μs|ns)((\d+(\.\d*)?|\.\d+)(w|d|h|ms|m|s|us|µs|μs|ns))*$/.test(trimmed)
  )
    return null
  let total = 0
  for (const [, amount, unit] of trimmed.matchAll(/([\d.]+)(ms|us|µs|μs|ns|w|d|h|m|s)/g))
    total += Number(amount) * (unitMs[unit as string] as number)
  return Number.isFinite(total) ? Math.ceil(total) : null
}

/** Compose's sizes, `512m` or `1.5gb`, in bytes (a k is 1024); null when it is not one. */
export function parseBytes(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)\s?(?:([bkmgtp])|([kmgtp])i?b)?$/i.exec(text.trim())
  if (found === null) return null
  const [, amount, short, long] = found
  const power = 'bkmgtp'.indexOf((short ?? long ?? 'b').toLowerCase())
  const bytes = Math.floor(Number(amount) * 1024 ** power)
  return Number.isSafeInteger(bytes) ? bytes : null
}
