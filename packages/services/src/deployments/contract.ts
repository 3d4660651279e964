import type { Application, Times } from '../applications/contract.ts'

export const deploymentStatuses = [
  'queued',
  'waiting',
  'preparing',
  'migrating',
  'rolling_out',
  'verifying',
  'switching',
  'soaking',
  'succeeded',
  'rolling_back',
  'rolled_back',
  'rollback_failed',
  'failed',
  'canceled',
  'superseded',
] as const
export type DeploymentStatus = (typeof deploymentStatuses)[number]

/** At most one deployment of an environment is in one of these. */
export const activeStatuses = [
  'preparing',
  'migrating',
  'rolling_out',
  'verifying',
  'switching',
  'soaking',
  'rolling_back',
] as const
export const finalStatuses = [
  'succeeded',
  'rolled_back',
  'rollback_failed',
  'failed',
  'canceled',
  'superseded',
] as const

export const deploymentMethods = ['manual', 'gitops-ui', 'gitops-git', 'pipeline'] as const
export const deploymentKinds = ['deploy', 'promotion', 'rollback'] as const
/** `automatic`: the environment follows the branch. */
export const deploymentOrigins = ['person', 'workflow', 'automatic'] as const

/** What a deployment froze before its gates were asked: all that runs comes from here and from the release's bundle. */
export interface Snapshot {
  bundle: string
  application: Application
  times: Record<string, Times>
  drainMs: number
  soakMs: number
  hostname: string
  variables: Record<string, string>
  secrets: { name: string; secretId: string; versionId: string; version: number }[]
}

/** When each stage began, in milliseconds since the epoch. */
export type Stages = Partial<Record<DeploymentStatus | 'drained', number>>
