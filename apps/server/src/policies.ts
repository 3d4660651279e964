import { policy as actions } from '@juanie/services/actions/policy'
import { policy as artifacts } from '@juanie/services/artifacts/policy'
import { policy as caches } from '@juanie/services/caches/policy'
import { policy as connections } from '@juanie/services/connections/policy'
import { policy as deployments } from '@juanie/services/deployments/policy'
import { policy as environments } from '@juanie/services/environments/policy'
import { policy as hosts } from '@juanie/services/hosts/policy'
import { policy as organizations, type Policy } from '@juanie/services/organizations/policy'
import { policy as pipelines } from '@juanie/services/pipelines/policy'
import { policy as projects } from '@juanie/services/projects/policy'
import { policy as releases } from '@juanie/services/releases/policy'
import { policy as reports } from '@juanie/services/reports/policy'
import { policy as repositories } from '@juanie/services/repositories/policy'
import { policy as runs } from '@juanie/services/runs/policy'
import { policy as secrets } from '@juanie/services/secrets/policy'
import { policy as webhooks } from '@juanie/services/webhooks/policy'

/** The tables of all domains; none says anything of another's permissions. */
export const policies: readonly Policy[] = [
  runs,
  actions,
  artifacts,
  caches,
  reports,
  pipelines,
  repositories,
  connections,
  webhooks,
  hosts,
  organizations,
  projects,
  environments,
  secrets,
  releases,
  deployments,
]

/** Who may do what. */
export const policy: Policy = Object.assign({}, ...policies)
