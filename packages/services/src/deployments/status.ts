import { activeStatuses, type DeploymentStatus, finalStatuses } from './contract.ts'

/**
 * The state machine. Before the traffic moves a failure ends in `failed` or `canceled` with the old version untouched;
 * from `switching` on it leads back to that version, or ends in `failed` where nothing served before.
 */
const moves = {
  queued: { admit: 'waiting', cancel: 'canceled', supersede: 'superseded', fail: 'failed' },
  waiting: { prepare: 'preparing', cancel: 'canceled', supersede: 'superseded', fail: 'failed' },
  preparing: { migrate: 'migrating', cancel: 'canceled', fail: 'failed' },
  migrating: { roll_out: 'rolling_out', cancel: 'canceled', fail: 'failed' },
  rolling_out: { verify: 'verifying', cancel: 'canceled', fail: 'failed' },
  verifying: { switch: 'switching', cancel: 'canceled', fail: 'failed' },
  switching: { soak: 'soaking', roll_back: 'rolling_back', fail: 'failed' },
  soaking: { succeed: 'succeeded', roll_back: 'rolling_back', fail: 'failed' },
  rolling_back: { return: 'rolled_back', give_up: 'rollback_failed' },
  succeeded: {},
  rolled_back: {},
  rollback_failed: {},
  failed: {},
  canceled: {},
  superseded: {},
} as const satisfies Record<DeploymentStatus, Record<string, DeploymentStatus>>

export type Move = { [S in DeploymentStatus]: keyof (typeof moves)[S] }[DeploymentStatus]

export interface Edge {
  from: DeploymentStatus
  move: Move
  to: DeploymentStatus
}

export const edges: Edge[] = Object.entries(moves).flatMap(([from, ways]) =>
  Object.entries(ways).map(([move, to]) => ({ from: from as DeploymentStatus, move: move as Move, to })),
)

/** Null: the table does not allow it. */
export const afterMove = (from: DeploymentStatus, move: Move): DeploymentStatus | null =>
  (moves[from] as Partial<Record<Move, DeploymentStatus>>)[move] ?? null

export const isFinal = (status: DeploymentStatus): boolean => (finalStatuses as readonly string[]).includes(status)
export const isActive = (status: DeploymentStatus): boolean => (activeStatuses as readonly string[]).includes(status)
/** It lines up: nothing of it exists on a host yet. */
export const hasNotBegun = (status: DeploymentStatus): boolean => status === 'queued' || status === 'waiting'
/** The traffic was asked to move to it, so that leaving it means leading the traffic back. */
export const hasSwitched = (status: DeploymentStatus): boolean => status === 'switching' || status === 'soaking'

export const movePoints = ({ from, move }: Pick<Edge, 'from' | 'move'>) =>
  ({ before: `deployment.before.${from}.${move}`, after: `deployment.after.${from}.${move}` }) as const

/** Every place at which a test may kill the server while it writes about deployments. */
export const deploymentPoints: string[] = [
  'deployment.before.start',
  'deployment.after.start',
  'deployment.before.follow',
  'deployment.after.follow',
  'deployment.before.cancel',
  'deployment.after.cancel',
  'deployment.before.edit',
  'deployment.after.edit',
  'observed.before.store',
  'observed.after.store',
  ...edges.flatMap((edge) => Object.values(movePoints(edge))),
]
