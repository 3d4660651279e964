import { usageError } from './exit.ts'

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of `500ms`, `30s`, `5m`, `1h`; `default` is null: what the description or Juanie says. */
export function durationOf(option: string, text: string): number | null {
  if (text === 'default') return null
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  if (!found) throw usageError(`${option}: "${text}" is no duration. Examples: 500ms, 30s, 5m, or default.`)
  return Math.round(Number(found[1]) * units[found[2]!]!)
}

export function countOf(option: string, text: string): number | null {
  if (text === 'default') return null
  if (!/^\d{1,9}$/.test(text)) throw usageError(`${option}: "${text}" is not a whole number.`)
  return Number(text)
}
