import type { DeploymentStatus } from '@juanie/services/deployments/contract'

/** The stages of a deployment that goes well, in order. */
export const way = [
  'preparing',
  'migrating',
  'rolling_out',
  'verifying',
  'switching',
  'soaking',
] as const satisfies DeploymentStatus[]

interface Begun {
  name: string
  at: string
  ms: number | null
}

export interface TimelineRow {
  name: string
  state: 'done' | 'current' | 'failed' | 'ahead'
  at: string | null
  /** Null while it is under way, or ahead. */
  ms: number | null
  /** Where its bar begins and how long it is, in parts of the whole time. */
  from: number
  length: number
}

interface Told {
  status: string
  final: boolean
  stages: Begun[]
  finishedAt: string | null
  createdAt: string
}

const bad = ['failed', 'rolled_back', 'rollback_failed', 'canceled', 'superseded']

/**
 * The stages as rows: those that began with their share of the time, and those that are still to come. `drained`
 * belongs to the soak and is no stage of its own. `now` counts for what is under way.
 */
export function timelineOf(told: Told, now: number): TimelineRow[] {
  const begun = merged(told.stages.filter(({ name }) => !isEnd(name)))
  const start = Date.parse(begun[0]?.at ?? told.createdAt)
  const end = told.finishedAt ? Date.parse(told.finishedAt) : now
  const whole = Math.max(1, end - start)
  const rows = begun.map(({ name, at, ms }, index): TimelineRow => {
    const isLast = index === begun.length - 1
    const from = (Date.parse(at) - start) / whole
    const lasted = ms ?? Math.max(0, end - Date.parse(at))
    const isBad = bad.includes(told.status) && (name !== 'rolling_back' || told.status === 'rollback_failed')
    const ended = isBad ? 'failed' : 'done'
    return {
      name,
      state: !isLast ? failedBefore(begun, index) : told.final ? ended : 'current',
      at,
      ms: isLast && !told.final ? null : lasted,
      from: clamp(from),
      length: clamp(lasted / whole),
    }
  })
  if (told.final || begun.some(({ name }) => name === 'rolling_back')) return rows
  const last = begun.at(-1)?.name ?? 'queued'
  const rest = way.filter((name) => place(name) > place(last))
  return [
    ...rows,
    ...rest.map((name): TimelineRow => ({ name, state: 'ahead', at: null, ms: null, from: 1, length: 0 })),
  ]
}

/** What led back failed, though another stage followed it. */
const failedBefore = (begun: Begun[], index: number): TimelineRow['state'] =>
  begun[index + 1]?.name === 'rolling_back' ? 'failed' : 'done'

/** The end of a deployment is an instant, not a stage. */
const ends = ['succeeded', 'failed', 'canceled', 'superseded', 'rolled_back', 'rollback_failed']
const isEnd = (name: string): boolean => ends.includes(name)

function merged(stages: Begun[]): Begun[] {
  const rows: Begun[] = []
  for (const stage of stages) {
    const soak = rows.at(-1)
    if (stage.name !== 'drained' || !soak) rows.push({ ...stage })
    else soak.ms = soak.ms === null || stage.ms === null ? null : soak.ms + stage.ms
  }
  return rows
}

/** What is before the way stands before its first stage. */
const place = (name: string): number => (way as readonly string[]).indexOf(name)
const clamp = (part: number): number => Math.min(1, Math.max(0, part))

export interface Progress {
  /** Stages that are over, of those that there are; null when it goes back. */
  done: number
  of: number
  isBack: boolean
}

/** How far a deployment is on its way. */
export function progressOf(status: string): Progress {
  const at = (way as readonly string[]).indexOf(status)
  return {
    done: status === 'succeeded' ? way.length : Math.max(0, at),
    of: way.length,
    isBack: status === 'rolling_back',
  }
}

/** What is left of a soak; null outside of one. */
export function soakLeft(stages: Begun[], soakMs: number, now: number): number | null {
  const soaking = stages.find(({ name }) => name === 'soaking')
  return soaking ? Math.max(0, Date.parse(soaking.at) + soakMs - now) : null
}
