import * as z from 'zod/mini'
import {
  type DeploymentRow,
  type DeploymentStatus,
  deploymentStatuses,
  type WaitsFor,
} from '../deployments/contract.ts'
import type { ListedRun, RunStatus } from '../runs/contract.ts'

/** What an event is about, as people narrow a list down to. */
const eventKinds = ['run', 'release', 'deployment', 'environment', 'setting', 'project', 'people'] as const
export type EventKind = (typeof eventKinds)[number]

/**
 * Every type of event that is recorded, and its kind. `isDetail`: a step on the way to something that another event
 * tells of; lists leave it out unless they are asked for everything.
 */
const own = {
  'project.created': { kind: 'project' },
  'project.updated': { kind: 'project' },
  'project.deleted': { kind: 'project' },
  'organization.created': { kind: 'people' },
  'organization.invited': { kind: 'people' },
  'organization.invitation_withdrawn': { kind: 'people' },
  'organization.member_joined': { kind: 'people' },
  'organization.member_removed': { kind: 'people' },
  'action.policy_set': { kind: 'setting' },
  'repository.connected': { kind: 'setting' },
  'repository.reconnected': { kind: 'setting' },
  'repository.disconnected': { kind: 'setting' },
  'repository.webhook_renewed': { kind: 'setting' },
  'delivery.replayed': { kind: 'setting' },
  'environment.created': { kind: 'environment' },
  'environment.edited': { kind: 'environment' },
  'environment.health_changed': { kind: 'environment' },
  'variable.set': { kind: 'setting' },
  'variable.deleted': { kind: 'setting' },
  'secret.set': { kind: 'setting' },
  'secret.deleted': { kind: 'setting' },
  'run.queued': { kind: 'run', isDetail: true },
  'pipeline.running': { kind: 'run', isDetail: true },
  'run.finished': { kind: 'run' },
  'run.rerun': { kind: 'run' },
  'run.cancel_requested': { kind: 'run' },
  'job.started': { kind: 'run', isDetail: true },
  'job.finished': { kind: 'run', isDetail: true },
  'job.lost': { kind: 'run' },
  'artifact.deleted': { kind: 'run' },
  'cache.deleted': { kind: 'run' },
  'release.made': { kind: 'release' },
  'deployment.started': { kind: 'deployment', isDetail: true },
  'deployment.completed': { kind: 'deployment', isDetail: true },
  'deployment.flagged': { kind: 'deployment' },
  'deployment.cancel_requested': { kind: 'deployment' },
} as const satisfies Record<string, { kind: EventKind; isDetail?: true }>

const endings: readonly string[] = ['succeeded', 'failed', 'rolled_back', 'rollback_failed', 'canceled', 'superseded']

/** Each status that a deployment comes to is an event of that name. */
export const eventTypes: Record<string, { kind: EventKind; isDetail: boolean }> = {
  ...Object.fromEntries(
    Object.entries(own).map(([type, { kind, ...more }]) => [type, { kind, isDetail: 'isDetail' in more }]),
  ),
  ...Object.fromEntries(
    deploymentStatuses.map((status) => [
      `deployment.${status}`,
      { kind: 'deployment' as const, isDetail: !endings.includes(status) },
    ]),
  ),
}

/** An event with the names of what it mentions, so that it can be said as a sentence. */
export interface EventView {
  id: string
  position: number
  type: string
  at: string
  actor: { kind: 'user' | 'agent' | 'system'; name: string | null }
  /** Null for what belongs to no project; `isGone`: it is deleted, and nothing of it can be opened. */
  project: { id: string; slug: string; name: string; isGone: boolean } | null
  /** What is null was cleaned away, or has nothing to do with it. */
  run: { number: number; title: string; branch: string; workflow: string; actor: string | null } | null
  deployment: {
    number: number
    release: number
    kind: 'deploy' | 'promotion' | 'rollback'
    /** Who asked for it; null: Juanie did, because the environment follows a branch. */
    requestedBy: string | null
  } | null
  environment: string | null
  release: number | null
  /** Of an agent's host, of somebody who joined or left. */
  person: string | null
  host: string | null
  /** Plain values of the event itself: status, reason, name, from, to, role, version … */
  details: Record<string, string | number | boolean | null>
}

const EventPage = {
  /** `next` of the page before. */
  before: z.optional(z.nullable(z.int().check(z.minimum(1)))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 30),
}

export const ListEvents = z.object({
  ...EventPage,
  kind: z.optional(z.nullable(z.enum(eventKinds))),
  /** With every step on the way. */
  isDetailed: z._default(z.boolean(), false),
})
export type ListEvents = z.infer<typeof ListEvents>

/** A project as the home of its organization shows it. */
export interface ProjectCard {
  id: string
  slug: string
  name: string
  createdAt: string
  /** Its last event; when it was made, before there is any. */
  activeAt: string
  /** In the order of promotion. */
  environments: {
    id: string
    name: string
    url: string
    health: 'healthy' | 'progressing' | 'degraded' | 'missing' | 'unknown'
    /** Number of the release that serves; null: none does. */
    release: number | null
    /** The latest attempt. */
    last: { number: number; status: DeploymentStatus } | null
  }[]
  /** The latest. */
  run: { number: number; status: RunStatus; title: string; branch: string; createdAt: string } | null
}

export const ListProjectCards = z.object({
  /** `next` of the page before. */
  after: z.optional(z.nullable(z.string().check(z.maxLength(100)))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 30),
  /** Part of the name, without regard to case. */
  text: z.optional(z.nullable(z.string().check(z.trim(), z.maxLength(100)))),
})
export type ListProjectCards = z.infer<typeof ListProjectCards>

/**
 * `attention`: what somebody should look at. Branches that matter and whose latest decision is a failure, environments
 * whose latest deployment came to nothing or that are not well, what was flagged, and what waits for more than a
 * minute. `waiting` and `active`: what is not over; `failed`: what came to nothing within the last days.
 */
const matterLists = ['attention', 'waiting', 'active', 'failed'] as const
export type MatterList = (typeof matterLists)[number]

/** Something of a project that somebody may want to look at, and why. */
export type Matter = {
  id: string
  at: string
  project: { id: string; slug: string; name: string }
} & (
  | { kind: 'run'; run: ListedRun }
  | {
      kind: 'deployment'
      deployment: DeploymentRow
      waitsFor: WaitsFor | null
      flagged: { at: string; message: string } | null
    }
  | { kind: 'environment'; environment: { id: string; name: string; health: string; url: string; host: string | null } }
)

export const ListMatters = z.object({
  list: z.enum(matterLists),
  /** `next` of the page before. */
  after: z.optional(z.nullable(z.string().check(z.maxLength(100)))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(50)), 20),
})
export type ListMatters = z.infer<typeof ListMatters>

/** So long it may wait before somebody should look. */
export const patienceMs = 60_000
/** What failed is a matter for so long; what nobody has cared for since then is not looked for any more. */
export const failedDays = 30
