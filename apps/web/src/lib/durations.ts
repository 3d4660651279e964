export const durationUnits = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 } as const
export type DurationUnit = keyof typeof durationUnits

/** The largest unit in which the time is a whole number. */
export const unitOf = (ms: number): DurationUnit =>
  ms === 0 || !Number.isFinite(ms)
    ? 's'
    : ((['h', 'min', 's'] as const).find((unit) => ms % durationUnits[unit] === 0) ?? 'ms')

/** In milliseconds; null for nothing, NaN for what is no number or no whole millisecond. */
export function readDuration(text: string, unit: DurationUnit): number | null {
  const trimmed = text.trim().replace(',', '.')
  if (trimmed === '') return null
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(trimmed)) return Number.NaN
  const ms = Math.round(Number(trimmed) * durationUnits[unit] * 1_000) / 1_000
  return Number.isInteger(ms) ? ms : Number.NaN
}
