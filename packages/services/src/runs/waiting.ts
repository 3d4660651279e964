import { matchesRunner } from '@juanie/workflow'
import { calledUnknown, calling } from './call-reasons.ts'
import type { JobStatus, Waiting } from './contract.ts'
import { isJobOver } from './status.ts'

interface WaitingJob {
  key: string
  status: JobStatus
  labels: string[]
  needs: string[]
  reason: string | null
}

interface KnownAgent {
  labels: string[]
  slots: number
  held: number
  isOnline: boolean
}

/** So long a job waits for an agent that takes it, as on GitHub. */
export const unclaimedHours = 24

/** What a job waits for; null when it does not wait. `others` are the jobs of its attempt. */
export function waitingOf(
  job: WaitingJob,
  others: Pick<WaitingJob, 'key' | 'status'>[],
  agents: KnownAgent[],
): Waiting | null {
  if (job.status === 'pending') {
    if (job.reason === 'job.max_parallel') return { kind: 'max_parallel' }
    if (job.reason === 'job.concurrency') return { kind: 'concurrency' }
    if (job.reason === calledUnknown) return { kind: 'workflow' }
    if (job.reason === calling) {
      const begins = (each: { key: string }) => each.key.startsWith(`${job.key}/`) || each.key.startsWith(`${job.key}#`)
      return {
        kind: 'calls',
        jobs: others.filter((each) => begins(each) && !isJobOver(each.status)).map(({ key }) => key),
      }
    }
    const open = job.needs.filter((key) => others.some((each) => each.key === key && !isJobOver(each.status)))
    return open.length > 0 ? { kind: 'needs', jobs: open } : { kind: 'plan' }
  }
  if (job.status === 'leased') return { kind: 'taken' }
  if (job.status !== 'queued') return null
  if (agents.length === 0) return { kind: 'no_agent' }
  const fitting = agents.filter(({ labels }) => matchesRunner(job.labels, labels))
  if (fitting.length === 0) return { kind: 'labels', labels: job.labels }
  const online = fitting.filter(({ isOnline }) => isOnline)
  if (online.length === 0) return { kind: 'agents_away' }
  if (online.every(({ held, slots }) => held >= slots)) {
    return { kind: 'slots', slots: online.reduce((sum, agent) => sum + agent.slots, 0) }
  }
  return { kind: 'next' }
}

/** One sentence: what it waits for, and who or what can end that. */
export function waitsFor(waiting: Waiting): string {
  switch (waiting.kind) {
    case 'needs':
      return `Waits for ${list(waiting.jobs)}, which it needs.`
    case 'calls':
      return `Waits for ${list(waiting.jobs)}, which it calls.`
    case 'workflow':
      return 'Waits until the workflow that it calls is fetched; it is tried again until that can be reached.'
    case 'concurrency':
      return 'Waits until another of its concurrency group ends; a newer one of that group takes its place.'
    case 'max_parallel':
      return 'Waits until another job of its matrix ends (max-parallel).'
    case 'plan':
      return 'Waits to be planned.'
    case 'taken':
      return 'Was given to an agent, which is about to begin.'
    case 'next':
      return 'An agent is about to take it.'
    case 'no_agent':
      return 'No agent has connected yet: start one with `juanie agent`.'
    case 'labels':
      return `No agent has the labels ${waiting.labels.join(', ')}: start one that has them, or change runs-on. It fails when none comes within ${unclaimedHours} hours.`
    case 'agents_away':
      return 'The agents that could take it are away: start one, or wait until it comes back.'
    case 'slots':
      return `All ${waiting.slots} job slots are taken: it begins when another job ends.`
  }
}

const list = (names: string[]): string => (names.length === 1 ? `job ${names[0]}` : `jobs ${names.join(', ')}`)
