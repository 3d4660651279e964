import type { EventView } from '@juanie/services/overview/contract'

/** What of an event its sentence is chosen by. */
type Told = Pick<EventView, 'type' | 'details'> & { run: unknown }

const statusOf = ({ details }: Told): string => String(details.status ?? '')

export const runEnds = ['succeeded', 'failed', 'canceled', 'timed_out', 'skipped', 'superseded', 'invalid']
export const jobEnds = ['succeeded', 'failed', 'canceled', 'timed_out']
export const healths = ['healthy', 'progressing', 'degraded', 'missing', 'unknown']

/** Events that are said by one sentence each, whatever they hold. */
export const plainTypes = [
  'project.created',
  'project.updated',
  'project.deleted',
  'organization.created',
  'organization.invited',
  'organization.invitation_withdrawn',
  'organization.member_joined',
  'organization.member_removed',
  'action.policy_set',
  'repository.connected',
  'repository.reconnected',
  'repository.disconnected',
  'repository.webhook_renewed',
  'delivery.replayed',
  'environment.created',
  'environment.edited',
  'variable.set',
  'variable.deleted',
  'secret.set',
  'secret.deleted',
  'run.queued',
  'pipeline.running',
  'run.rerun',
  'run.cancel_requested',
  'job.started',
  'job.lost',
  'artifact.deleted',
  'cache.deleted',
  'release.made',
  'deployment.queued',
  'deployment.started',
  'deployment.waiting',
  'deployment.preparing',
  'deployment.migrating',
  'deployment.rolling_out',
  'deployment.verifying',
  'deployment.switching',
  'deployment.soaking',
  'deployment.succeeded',
  'deployment.rolling_back',
  'deployment.rolled_back',
  'deployment.rollback_failed',
  'deployment.failed',
  'deployment.canceled',
  'deployment.superseded',
  'deployment.completed',
  'deployment.flagged',
  'deployment.cancel_requested',
]

/** The key of the sentence of an event; an event of a newer server is shown by its type. */
export function sentenceKey(event: Told): string {
  const status = statusOf(event)
  const health = String(event.details.to ?? '')
  if (event.type === 'run.finished' && runEnds.includes(status)) return `events.ran.${status}`
  if (event.type === 'job.finished' && jobEnds.includes(status)) return `events.worked.${status}`
  if (event.type === 'environment.health_changed' && healths.includes(health)) return `events.health.${health}`
  if (event.type === 'release.made' && !event.run && !event.details.runId) return 'events.says.release_packed'
  return plainTypes.includes(event.type) ? `events.says.${event.type.replace('.', '_')}` : 'events.unknown'
}

const endings: Record<string, string> = {
  'run.cancel_requested': 'canceled',
  'deployment.cancel_requested': 'canceled',
  'job.lost': 'lost',
  'pipeline.running': 'running',
  'job.started': 'running',
  'deployment.started': 'preparing',
  'deployment.flagged': 'degraded',
}

/** The status whose icon and colour stand before the sentence; null where it tells of none. */
export function statusShown(event: Pick<EventView, 'type' | 'details'>): string | null {
  const [thing, past = ''] = event.type.split('.')
  if (event.type in endings) return endings[event.type]!
  if (event.type === 'run.finished' || event.type === 'job.finished') return statusOf({ ...event, run: null })
  if (event.type === 'environment.health_changed') return String(event.details.to)
  if (event.type === 'deployment.completed') return String(event.details.status)
  return thing === 'deployment' ? past : event.type === 'run.queued' || event.type === 'run.rerun' ? 'queued' : null
}
