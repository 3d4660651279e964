import { computed, onScopeDispose, type Ref, ref } from 'vue'
import { durationUnits, unitOf } from './durations.ts'
import { i18n } from './i18n.ts'

const now = ref(Date.now())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time of day, once a second while somebody shows it. */
export function useNow(): Readonly<Ref<number>> {
  now.value = Date.now()
  if (watchers++ === 0) {
    timer = setInterval(() => {
      now.value = Date.now()
    }, 1_000)
  }
  onScopeDispose(() => {
    if (--watchers === 0) clearInterval(timer)
  })
  return now
}

const steps = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

const relative = computed(
  () => new Intl.RelativeTimeFormat(i18n.global.locale.value, { numeric: 'auto', style: 'short' }),
)
const absolute = computed(
  () => new Intl.DateTimeFormat(i18n.global.locale.value, { dateStyle: 'medium', timeStyle: 'medium' }),
)
const clock = computed(() => new Intl.DateTimeFormat(i18n.global.locale.value, { timeStyle: 'medium' }))
const minute = computed(() => new Intl.DateTimeFormat(i18n.global.locale.value, { hour: '2-digit', minute: '2-digit' }))
const day = computed(
  () =>
    new Intl.DateTimeFormat(i18n.global.locale.value, {
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
    }),
)
const percents = computed(
  () => new Intl.NumberFormat(i18n.global.locale.value, { style: 'percent', maximumFractionDigits: 1 }),
)
const numbers = computed(() => new Intl.NumberFormat(i18n.global.locale.value))

const lists = computed(() => new Intl.ListFormat(i18n.global.locale.value, { type: 'conjunction' }))

export function formatAgo(at: string | number | Date, from: number): string {
  const seconds = Math.round((new Date(at).getTime() - from) / 1_000)
  const step = steps.find(([, size]) => Math.abs(seconds) >= size)
  if (!step) return relative.value.format(Math.min(0, seconds) === 0 ? 0 : seconds, 'second')
  // What was, was at least so long ago; what comes is said by the nearest: of 90 days the last second is not a month.
  const count = seconds / step[1]
  return relative.value.format(count > 0 ? Math.round(count) : Math.trunc(count), step[0])
}

export const formatTime = (at: string | number | Date): string => absolute.value.format(new Date(at))
export const formatClock = (at: string | number | Date): string => clock.value.format(new Date(at))
/** `a, b and c`. */
export const formatList = (names: readonly string[]): string => lists.value.format(names)
/** Hours and minutes. */
export const formatMinute = (at: string | number | Date): string => minute.value.format(new Date(at))
/** The day too. */
export const formatDay = (at: string | number | Date): string => day.value.format(new Date(at))
/** Of a share: 0.042 is `4.2%`. */
export const formatPercent = (share: number): string => percents.value.format(share)
export const formatNumber = (value: number): string => numbers.value.format(value)

const unit = (value: number, name: string, digits = 0) =>
  new Intl.NumberFormat(i18n.global.locale.value, {
    style: 'unit',
    unit: name,
    unitDisplay: 'narrow',
    maximumFractionDigits: digits,
  }).format(value)

/** `340ms`, `4.2s`, `3m 12s`, `2h 5m`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return unit(Math.max(0, Math.round(ms)), 'millisecond')
  if (ms < 60_000) return unit(ms / 1_000, 'second', ms < 10_000 ? 1 : 0)
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 3_600) return `${unit(Math.floor(seconds / 60), 'minute')} ${unit(seconds % 60, 'second')}`
  return `${unit(Math.floor(seconds / 3_600), 'hour')} ${unit(Math.floor((seconds % 3_600) / 60), 'minute')}`
}

const wholeUnits = { ms: 'millisecond', s: 'second', min: 'minute', h: 'hour' } as const

/** A time that somebody set, in the largest unit that it is a whole number of: `30 seconds`, `5 minutes`. */
export function formatSetTime(ms: number): string {
  const name = unitOf(ms)
  return new Intl.NumberFormat(i18n.global.locale.value, {
    style: 'unit',
    unit: wholeUnits[name],
    unitDisplay: 'long',
  }).format(ms / durationUnits[name])
}

/** `12 kB`, `3.4 MB`. */
export function formatBytes(bytes: number): string {
  const names = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
  const place = bytes < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log10(bytes) / 3))
  return new Intl.NumberFormat(i18n.global.locale.value, {
    style: 'unit',
    unit: names[place]!,
    unitDisplay: 'short',
    maximumFractionDigits: place > 1 ? 1 : 0,
  }).format(bytes / 1000 ** place)
}
