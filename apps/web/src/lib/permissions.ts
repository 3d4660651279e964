import type { Permission } from '@juanie/core/scope'
import { policy as actions } from '@juanie/services/actions/policy'
import { policy as artifacts } from '@juanie/services/artifacts/policy'
import { policy as caches } from '@juanie/services/caches/policy'
import { policy as deployments } from '@juanie/services/deployments/policy'
import { policy as environments } from '@juanie/services/environments/policy'
import { policy as hosts } from '@juanie/services/hosts/policy'
import { policy as organizations, type Policy, type Role } from '@juanie/services/organizations/policy'
import { policy as pipelines } from '@juanie/services/pipelines/policy'
import { policy as projects } from '@juanie/services/projects/policy'
import { policy as releases } from '@juanie/services/releases/policy'
import { policy as repositories } from '@juanie/services/repositories/policy'
import { policy as runs } from '@juanie/services/runs/policy'
import { policy as secrets } from '@juanie/services/secrets/policy'

/** The server's own tables: a control asks what the server will ask. */
const policy = {
  ...artifacts,
  ...caches,
  ...deployments,
  ...environments,
  ...hosts,
  ...organizations,
  ...pipelines,
  ...projects,
  ...releases,
  ...repositories,
  ...runs,
  ...actions,
  ...secrets,
} as const satisfies Policy

export type KnownPermission = keyof typeof policy & Permission

export const mayRole = (role: Role | null, permission: KnownPermission): boolean =>
  role !== null && (policy[permission] as readonly Role[]).includes(role)
