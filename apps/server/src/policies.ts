import { policy as environments } from '@juanie/services/environments/policy'
import type { Policy } from '@juanie/services/organizations/contract'
import { policy as organizations } from '@juanie/services/organizations/policy'
import { policy as projects } from '@juanie/services/projects/policy'
import { policy as secrets } from '@juanie/services/secrets/policy'

/** Who may do what: the tables of all domains in one. */
export const policy: Policy = { ...organizations, ...projects, ...environments, ...secrets }
