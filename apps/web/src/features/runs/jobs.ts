import type { JobStatus, JobView, StepStatus, StepView } from '@juanie/services/runs/contract'
import { isJobOver, outcomeOf } from '@juanie/services/runs/status'

/** A job of the workflow: one, or all of its matrix. */
export interface JobGroup {
  key: string
  name: string
  needs: string[]
  status: JobStatus
  jobs: JobView[]
  done: number
  failed: number
}

/** Of a job that was lost and is repeated, the repeat counts. */
export function latestJobs(jobs: readonly JobView[]): JobView[] {
  const places = new Map<string, JobView>()
  for (const job of jobs) {
    const at = `${job.key} ${job.place ?? 0}`
    const known = places.get(at)
    if (!known || known.repeat < job.repeat) places.set(at, job)
  }
  return [...places.values()]
}

/** In the order in which they can run: what is needed comes before what needs it. */
export function groupsOf(jobs: readonly JobView[]): JobGroup[] {
  const groups = [...groupBy(latestJobs(jobs), ({ key }) => key)].map(([key, members]): JobGroup => {
    const sorted = members.toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0))
    return {
      key,
      name: sorted.length === 1 ? sorted[0]!.name : commonName(sorted) || key,
      needs: sorted[0]!.needs,
      status: togetherOf(sorted.map(({ status }) => status)),
      jobs: sorted,
      done: sorted.filter(({ status }) => isJobOver(status)).length,
      failed: sorted.filter(isFailure).length,
    }
  })
  const levels = levelsOf(groups)
  return groups.toSorted((a, b) => levels.get(a.key)! - levels.get(b.key)!)
}

function groupBy<T>(list: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const one of list) {
    const group = groups.get(keyOf(one))
    if (group) group.push(one)
    else groups.set(keyOf(one), [one])
  }
  return groups
}

/** How far each is from the beginning: 0 without needs. */
export function levelsOf(groups: readonly { key: string; needs: readonly string[] }[]): Map<string, number> {
  const byKey = new Map(groups.map((group) => [group.key, group]))
  const levels = new Map<string, number>()
  const levelOf = (key: string, above: Set<string>): number => {
    const known = levels.get(key)
    if (known !== undefined) return known
    const group = byKey.get(key)
    // A circle is refused by the server; this only keeps a wrong answer from hanging the page.
    if (!group || above.has(key)) return -1
    const level = 1 + Math.max(-1, ...group.needs.map((need) => levelOf(need, new Set([...above, key]))))
    levels.set(key, level)
    return level
  }
  for (const { key } of groups) levelOf(key, new Set())
  return levels
}

/** What the names of a matrix begin with: `test (18, linux)` and `test (20, linux)` are `test`. */
function commonName(jobs: readonly JobView[]): string {
  let common = jobs[0]!.name
  for (const { name } of jobs) {
    while (!name.startsWith(common)) common = common.slice(0, -1)
  }
  // What a bracket began is cut in the middle of a value.
  return common.replace(/\s*\([^)]*$/, '').replace(/[\s,:/-]+$/, '')
}

/** What tells a job of a matrix from the others: `18, linux` of `test (18, linux)`. */
export function withoutCommon(group: Pick<JobGroup, 'name'>, { name }: Pick<JobView, 'name'>): string {
  if (!name.startsWith(group.name)) return name
  const rest = name.slice(group.name.length).replace(/^[\s,:/-]+/, '')
  return /^\(.*\)$/.test(rest) ? rest.slice(1, -1) : rest || name
}

export const isFailure = (job: Pick<JobView, 'status' | 'continueOnError'>): boolean =>
  outcomeOf(job.status) === 'failure' && !job.continueOnError

const order: readonly JobStatus[] = [
  'lost',
  'timed_out',
  'failed',
  'running',
  'leased',
  'queued',
  'pending',
  'canceled',
]

/** One status for several jobs: what needs a look comes first. */
export function togetherOf(statuses: readonly JobStatus[]): JobStatus {
  const first = order.find((status) => statuses.includes(status))
  if (first) return first
  return statuses.every((status) => status === 'skipped') ? 'skipped' : 'succeeded'
}

/** How the address names a job: its key, with its place where there are several. */
export const nameInAddress = (group: JobGroup, job: JobView): string =>
  group.jobs.length > 1 ? `${group.key}.${job.place ?? 0}` : group.key

/** The job that the address names, by its name there or by its id. */
export function findJob(groups: readonly JobGroup[], named: string | null): { group: JobGroup; job: JobView } | null {
  if (named === null) return null
  for (const group of groups) {
    const job = group.jobs.find((each) => each.id === named || `${group.key}.${each.place ?? 0}` === named)
    if (job) return { group, job }
    if (group.key === named) return { group, job: mostTelling(group.jobs)! }
  }
  return null
}

/** What one wants to see first: what failed first, else what runs, else what waits for an agent, else the last that ran. */
export function mostTelling(jobs: readonly JobView[]): JobView | null {
  const failed = jobs.filter(isFailure).toSorted((a, b) => (a.finishedAt ?? '').localeCompare(b.finishedAt ?? ''))
  const ran = jobs.filter(({ startedAt }) => startedAt !== null)
  return (
    failed[0] ??
    jobs.find(({ status }) => status === 'running') ??
    jobs.find(({ status }) => status === 'leased' || status === 'queued') ??
    ran.toSorted((a, b) => a.startedAt!.localeCompare(b.startedAt!)).at(-1) ??
    jobs[0] ??
    null
  )
}

export function tellingJob(groups: readonly JobGroup[]): { group: JobGroup; job: JobView } | null {
  const job = mostTelling(groups.flatMap(({ jobs }) => jobs))
  const group = job && groups.find(({ key }) => key === job.key)
  return group && job ? { group, job } : null
}

/** The step that the address names, else what failed, else what runs, else the last that said something. */
export function tellingStep(steps: readonly StepView[], named: number | null): StepView | null {
  if (named !== null) {
    const found = steps.find(({ place }) => place === named)
    if (found) return found
  }
  return (
    steps.find(({ conclusion }) => conclusion === 'failure') ??
    steps.find(({ status }) => status === 'running') ??
    steps.findLast(({ lines, status }) => lines > 0 || status === 'failed') ??
    steps.findLast(({ startedAt }) => startedAt !== null) ??
    null
  )
}

export const isStepOver = (status: StepStatus): boolean => status !== 'pending' && status !== 'running'

/** Where a span lies in a whole, in hundredths; null where it has not begun. */
export function spanIn(
  whole: { from: number; to: number },
  part: { startedAt: string | null; finishedAt: string | null },
): { left: number; width: number } | null {
  if (part.startedAt === null) return null
  const length = Math.max(1, whole.to - whole.from)
  const share = (at: number) => Math.min(100, Math.max(0, ((at - whole.from) / length) * 100))
  const left = share(Date.parse(part.startedAt))
  const right = share(part.finishedAt === null ? whole.to : Date.parse(part.finishedAt))
  return { left, width: Math.max(0, right - left) }
}
