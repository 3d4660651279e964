import { matchesRunner } from '@juanie/workflow'
import type { JobStatus } from './contract.ts'

interface WaitingJob {
  key: string
  status: JobStatus
  labels: string[]
  needs: string[]
  reason: string | null
  isHeld: boolean
}

interface KnownAgent {
  labels: string[]
  slots: number
  held: number
  isOnline: boolean
}

/** One sentence: what a job waits for, and who or what can end that; null when it does not wait. */
export function waitsFor(job: WaitingJob, others: WaitingJob[], agents: KnownAgent[]): string | null {
  if (job.status === 'pending') {
    if (job.reason === 'job.max_parallel') return 'Waits until another job of its matrix ends (max-parallel).'
    const open = job.needs.filter((key) => others.some((each) => each.key === key && isOpen(each.status)))
    return open.length > 0 ? `Waits for ${list(open)}, which it needs.` : 'Waits to be planned.'
  }
  if (job.status === 'leased') return 'Was given to an agent, which is about to begin.'
  if (job.status !== 'queued') return null
  if (agents.length === 0) return 'No agent has connected yet: start one with `juanie agent`.'
  const fitting = agents.filter(({ labels }) => matchesRunner(job.labels, labels))
  if (fitting.length === 0) {
    return `No agent has the labels ${job.labels.join(', ')}: start one that has them, or change runs-on.`
  }
  const online = fitting.filter(({ isOnline }) => isOnline)
  if (online.length === 0) return 'The agents that could take it are away: start one, or wait until it comes back.'
  if (online.every(({ held, slots }) => held >= slots)) {
    const slots = online.reduce((sum, agent) => sum + agent.slots, 0)
    return `All ${slots} job slots are taken: it begins when another job ends.`
  }
  return 'An agent is about to take it.'
}

const isOpen = (status: JobStatus): boolean => ['pending', 'queued', 'leased', 'running'].includes(status)
const list = (names: string[]): string => (names.length === 1 ? `job ${names[0]}` : `jobs ${names.join(', ')}`)
