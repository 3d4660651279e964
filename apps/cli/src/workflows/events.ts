import type { Triggers } from '@juanie/workflow'

/** The events of a workflow that happen without a forge. */
export function startsOf(on: Triggers): string[] {
  const known: [string, unknown][] = [
    ['push', on.push],
    ['workflow_dispatch', on.workflowDispatch],
    ['schedule', on.schedule],
    ['workflow_call', on.workflowCall],
    ['workflow_run', on.workflowRun],
    ['repository_dispatch', on.repositoryDispatch],
  ]
  return known.flatMap(([name, trigger]) => (trigger === undefined ? [] : [name]))
}

/** What a person does most, first. */
const usualEvents = ['push', 'pull_request', 'workflow_dispatch', 'schedule', 'repository_dispatch', 'workflow_run']

/** The events that start a workflow, the usual ones first. One that is only called has none. */
export function eventsOf(on: Triggers): string[] {
  const names = [...startsOf(on), ...on.other].filter((name) => name !== 'workflow_call')
  const place = (name: string) => (usualEvents.includes(name) ? usualEvents.indexOf(name) : usualEvents.length)
  return names.toSorted((a, b) => place(a) - place(b))
}
