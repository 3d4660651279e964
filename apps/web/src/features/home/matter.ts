import type { Matter } from '@juanie/services/overview/contract'
import type { RouteLocationRaw } from 'vue-router'

export const nextSteps = ['readLog', 'seeWhy', 'seeProgress', 'seeEnvironment', 'seeHosts'] as const
type NextStep = (typeof nextSteps)[number]

export interface Faced {
  status: string
  to: RouteLocationRaw
  next: NextStep
  /** Where the next step leads, when that is not the matter itself. */
  nextTo: RouteLocationRaw
}

const over = ['failed', 'timed_out', 'rolled_back', 'rollback_failed']

/** Its status, its address, and what one does about it. */
export function face(matter: Matter, organization: string): Faced {
  const place = { organization, project: matter.project.slug }
  if (matter.kind === 'run') {
    const to = { name: 'run', params: { ...place, number: matter.run.number } }
    const { status } = matter.run
    const isStuck =
      matter.run.waiting !== null && ['no_agent', 'labels', 'agents_away'].includes(matter.run.waiting.kind)
    if (isStuck) return { status, to, next: 'seeHosts', nextTo: { name: 'hosts', params: { organization } } }
    return {
      status,
      to,
      next: status === 'failed' ? 'readLog' : over.includes(status) ? 'seeWhy' : 'seeProgress',
      nextTo: to,
    }
  }
  if (matter.kind === 'deployment') {
    const to = { name: 'deployment', params: { ...place, number: matter.deployment.number } }
    const { status } = matter.deployment
    if (matter.waitsFor?.key === 'agent') {
      return { status, to, next: 'seeHosts', nextTo: { name: 'hosts', params: { organization } } }
    }
    return { status, to, next: over.includes(status) ? 'seeWhy' : 'seeProgress', nextTo: to }
  }
  const to = { name: 'environment', params: { ...place, environment: matter.environment.name } }
  const isSilent = matter.environment.health === 'unknown'
  return {
    status: matter.environment.health,
    to,
    next: isSilent ? 'seeHosts' : 'seeEnvironment',
    nextTo: isSilent ? { name: 'hosts', params: { organization } } : to,
  }
}
