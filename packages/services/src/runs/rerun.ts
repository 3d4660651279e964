import { ancestorsOf, type Workflow } from '@juanie/workflow'
import { freshJobs, latest, type PlannedJob } from './plan.ts'

/** All jobs once more, from the beginning. */
export const againAll = (workflow: Workflow, newId: () => string): PlannedJob[] => freshJobs(workflow, newId)

/**
 * What did not succeed, and all that needs it; what succeeded is taken over with its outputs. Of a matrix whose needs
 * stand, only the places that failed run again. Null when everything succeeded.
 */
export function againFailed(workflow: Workflow, before: PlannedJob[], newId: () => string): PlannedJob[] | null {
  const last = latest(before)
  const broken = new Set(last.filter(isBroken).map(({ key }) => key))
  if (broken.size === 0) return null
  const fresh = new Map(freshJobs(workflow, newId).map((job) => [job.key, job]))
  return workflow.jobs.flatMap((job) => {
    const places = last.filter(({ key }) => key === job.id)
    const called = last.filter(({ key }) => key.startsWith(`${job.id}/`) || key.startsWith(`${job.id}#`))
    const isBelow = ancestorsOf(workflow, job.id).some((key) => broken.has(key))
    const isKnown =
      places.length > 0 && places.every(({ instance, status }) => instance !== null || status === 'skipped')
    if (isBelow || (broken.has(job.id) && !isKnown)) return [fresh.get(job.id)!]
    // A called workflow runs again as a whole.
    if (job.call && broken.has(job.id)) return [fresh.get(job.id)!]
    if (job.call) return [...places, ...called].map((each) => carried(each, newId))
    return places.map((place) => (isBroken(place) ? once(place, newId) : carried(place, newId)))
  })
}

const isBroken = ({ status }: PlannedJob): boolean => status !== 'succeeded' && status !== 'skipped'

const once = (job: PlannedJob, newId: () => string): PlannedJob => ({
  ...job,
  id: newId(),
  repeat: 1,
  status: 'pending',
  reason: null,
  outputs: {},
  cancelReason: null,
  // A deploy step that began in the earlier attempt does not bind this one.
  isUnrepeatable: job.environment !== null,
  carriedFrom: null,
  claim: null,
  isStored: false,
  isChanged: false,
  moves: [],
  stop: null,
})

const carried = (job: PlannedJob, newId: () => string): PlannedJob => ({
  ...job,
  id: newId(),
  repeat: 1,
  carriedFrom: job.carriedFrom ?? job.id,
  isStored: false,
  isChanged: false,
  moves: [],
  stop: null,
})
