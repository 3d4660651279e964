import { type RunEvent, type RunStatus, runEvents } from '@juanie/services/runs/contract'
import { type RunGroup, runGroups } from '@juanie/services/runs/status'
import type { LocationQuery, LocationQueryRaw } from 'vue-router'

/** What a list of runs is narrowed down to, as its address says it. */
export interface RunFilter {
  /** Groups, or single statuses that a link names. */
  statuses: (RunGroup | RunStatus)[]
  branch: string | null
  /** File of the workflow. */
  workflow: string | null
  event: RunEvent | null
  text: string | null
}

export const groupNames = Object.keys(runGroups) as RunGroup[]
const statusNames = Object.values(runGroups).flat() as RunStatus[]
const events: readonly RunEvent[] = runEvents
const known: readonly string[] = [...groupNames, ...statusNames]

const textOf = (value: LocationQuery[string] | undefined): string | null => {
  const text = Array.isArray(value) ? value[0] : value
  return text ? text.slice(0, 200) : null
}

export function readFilter(query: LocationQuery): RunFilter {
  const names = textOf(query.status)?.split(',') ?? []
  const event = textOf(query.event)
  return {
    statuses: [...new Set(names)].filter((name): name is RunGroup | RunStatus => known.includes(name)),
    branch: textOf(query.branch),
    workflow: textOf(query.workflow),
    event: events.find((each) => each === event) ?? null,
    text: textOf(query.text),
  }
}

export const queryOf = ({ statuses, branch, workflow, event, text }: RunFilter): LocationQueryRaw => ({
  ...(statuses.length > 0 && { status: statuses.join(',') }),
  ...(branch && { branch }),
  ...(workflow && { workflow }),
  ...(event && { event }),
  ...(text && { text }),
})

export const isNarrowed = (filter: RunFilter): boolean => Object.keys(queryOf(filter)).length > 0

/** The statuses to ask the server for; undefined: all. A group counts before a status of the same name. */
export function statusesOf(names: RunFilter['statuses']): RunStatus[] | undefined {
  if (names.length === 0) return undefined
  return [...new Set(names.flatMap((name): readonly RunStatus[] => (isGroup(name) ? runGroups[name] : [name])))]
}

const isGroup = (name: string): name is RunGroup => Object.hasOwn(runGroups, name)

/** The filter with a group added, or taken out. */
export const toggled = (filter: RunFilter, group: RunGroup): RunFilter => ({
  ...filter,
  statuses: filter.statuses.includes(group)
    ? filter.statuses.filter((name) => name !== group)
    : [...filter.statuses, group],
})
