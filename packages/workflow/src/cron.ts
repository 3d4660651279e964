import type { Said } from './say.ts'
import { said, sentenceOf } from './sentences.ts'

interface Cron {
  minutes: Set<number>
  hours: Set<number>
  days: Set<number>
  months: Set<number>
  weekdays: Set<number>
  /** Days of the month and of the week: when both are restricted, either is enough. */
  isEitherDay: boolean
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const fields = [
  { fault: 'cronMinute', from: 0, to: 59, names: [] as string[] },
  { fault: 'cronHour', from: 0, to: 23, names: [] as string[] },
  { fault: 'cronDay', from: 1, to: 31, names: [] as string[] },
  { fault: 'cronMonth', from: 1, to: 12, names: monthNames },
  { fault: 'cronWeekday', from: 0, to: 7, names: dayNames },
] as const
type Field = (typeof fields)[number]

class CronError extends Error {
  readonly said: Said
  constructor(fault: Said) {
    super(sentenceOf(fault))
    this.said = fault
  }
}

/** What is wrong with a time of a schedule; null when nothing is. */
export function cronFault(text: string, timezone?: string): { of: 'cron' | 'timezone'; said: Said } | null {
  try {
    read(text)
  } catch (error) {
    return { of: 'cron', said: (error as CronError).said }
  }
  if (nextTick(text, new Date('2028-02-28T00:00:00Z')) === null) {
    return { of: 'cron', said: said('cronNever', { text }) }
  }
  if (timezone === undefined || offsetOf(timezone, 0) !== null) return null
  return { of: 'timezone', said: said('timezoneUnknown', { text: timezone.slice(0, 80) }) }
}

/** The first moment after `after`, to the minute, that the five fields name; null when none comes within nine years. */
export function nextTick(text: string, after: Date, timezone?: string): Date | null {
  const cron = read(text)
  const offset = (at: number) => (timezone === undefined ? 0 : (offsetOf(timezone, at) ?? 0))
  let wall = after.getTime() + offset(after.getTime())
  // A clock that is set back shows an hour twice, and one that is set forward leaves one out.
  for (let turn = 0; turn < 4; turn++) {
    const next = nextWall(cron, wall)
    if (next === null) return null
    const guess = next - offset(next)
    const at = next - offset(guess)
    if (at > after.getTime()) return new Date(at)
    wall = next
  }
  return null
}

const minute = 60_000
const day = 86_400_000
/** From one leap day over a century that has none to the next. */
const horizonDays = 366 * 9

function nextWall(cron: Cron, after: number): number | null {
  const first = Math.floor(after / minute) * minute + minute
  let midnight = Math.floor(first / day) * day
  for (let count = 0; count < horizonDays; count++, midnight += day) {
    if (!isDay(cron, new Date(midnight))) continue
    for (const hour of cron.hours) {
      for (const each of cron.minutes) {
        const at = midnight + (hour * 60 + each) * minute
        if (at >= first) return at
      }
    }
  }
  return null
}

function isDay({ days, months, weekdays, isEitherDay }: Cron, at: Date): boolean {
  if (!months.has(at.getUTCMonth() + 1)) return false
  const byDate = days.has(at.getUTCDate())
  const byWeekday = weekdays.has(at.getUTCDay())
  return isEitherDay ? byDate || byWeekday : byDate && byWeekday
}

function read(text: string): Cron {
  const parts = text.trim().split(/\s+/)
  if (parts.length !== 5) {
    throw new CronError(said('cronFields', { text: text.slice(0, 80), count: parts.length }))
  }
  const [minutes, hours, days, months, weekdays] = fields.map((field, index) => valuesOf(parts[index]!, field))
  const isEitherDay = !parts[2]!.startsWith('*') && !parts[4]!.startsWith('*')
  // Sunday is 0 and 7.
  const week = new Set([...weekdays!].map((each) => each % 7))
  return { minutes: minutes!, hours: hours!, days: days!, months: months!, weekdays: week, isEitherDay }
}

/** Values of one field, in order. */
function valuesOf(text: string, field: Field): Set<number> {
  const found = new Set<number>()
  for (const item of text.split(',')) {
    const [range = '', step, ...rest] = item.split('/')
    const by = step === undefined ? 1 : Number(step)
    if (rest.length > 0 || !Number.isInteger(by) || by < 1) throw wrong(item, field)
    const [from, to] = boundsOf(range, field, step !== undefined)
    for (let value = from; value <= to; value += by) found.add(value)
  }
  return new Set([...found].sort((a, b) => a - b))
}

function boundsOf(range: string, field: Field, isStepped: boolean): [number, number] {
  if (range === '*') return [field.from, field.to]
  const [first = '', last, ...rest] = range.split('-')
  const from = numberOf(first, field)
  const to = last === undefined ? (isStepped ? field.to : from) : numberOf(last, field)
  if (rest.length > 0 || from > to) throw wrong(range, field)
  return [from, to]
}

function numberOf(text: string, field: Field): number {
  const named = (field.names as readonly string[]).indexOf(text.toLowerCase())
  if (named >= 0) return named + field.from
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= field.from && value <= field.to)) throw wrong(text, field)
  return value
}

const wrong = (text: string, field: Field) =>
  new CronError(said(field.fault, { text: text.slice(0, 80), from: field.from, to: field.to }))

const formats = new Map<string, Intl.DateTimeFormat>()

/** Milliseconds by which clocks of a time zone are ahead of UTC at a moment; null when there is no such zone. */
function offsetOf(timezone: string, at: number): number | null {
  let format = formats.get(timezone)
  if (!format) {
    try {
      format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, hourCycle: 'h23', ...shownFields })
    } catch {
      return null
    }
    formats.set(timezone, format)
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const wall = Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!)
  return wall - Math.floor(at / 1000) * 1000
}

const shownFields = {
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
} as const
