import type { JobStatus } from '@juanie/services/runs/contract'
import { deploymentOf, saidBy } from './sentences.ts'

export const nextKinds = ['lost', 'deployment', 'timeout', 'workspace', 'command', 'start', 'step'] as const
type NextKind = (typeof nextKinds)[number]

/** What one does about a failure. */
export function nextOf(failure: {
  status: JobStatus
  step: string | null
  exitCode: number | null
  message: string | null
}): NextKind {
  const said = failure.message === null ? null : saidBy(failure.message)?.key
  if (failure.status === 'lost') return 'lost'
  if (failure.message !== null && deploymentOf(failure.message)) return 'deployment'
  if (failure.status === 'timed_out' || said === 'stepTimeout' || said === 'jobTimeout') return 'timeout'
  if (said === 'workspace') return 'workspace'
  if (failure.step === null) return 'start'
  return failure.exitCode === null ? 'step' : 'command'
}
