import { type Claim, decideGroup, type PlannedJob } from '@juanie/services/runs/pure'
import { isJobOver } from '@juanie/services/runs/status'

/** Grants concurrency groups to the jobs of a run, which ask one after the other; whether anything has changed. */
export function settleGroups(jobs: PlannedJob[]): boolean {
  let isChanged = false
  for (const job of jobs) {
    if (!job.concurrency || job.claim !== null || job.status !== 'pending' || job.instance === null) continue
    job.claim = 'waiting'
    settleGroup(jobs, job.concurrency.name)
    isChanged = true
  }
  const names = new Set(jobs.flatMap(({ concurrency, claim }) => (concurrency && claim ? [concurrency.name] : [])))
  for (const name of names) if (settleGroup(jobs, name)) isChanged = true
  return isChanged
}

function settleGroup(jobs: PlannedJob[], name: string): boolean {
  const claims = jobs.flatMap(({ id, concurrency, claim, status }): Claim[] =>
    concurrency?.name === name && claim !== null && !isJobOver(status) ? [{ id, ...concurrency, state: claim }] : [],
  )
  const { hold, supersede, oust } = decideGroup(claims)
  let isChanged = false
  for (const job of jobs) {
    const state =
      job.id === hold ? 'holding' : supersede.includes(job.id) ? 'superseded' : job.id === oust ? 'ousted' : null
    if (state === null || job.claim === state) continue
    job.claim = state
    isChanged = true
  }
  return isChanged
}
