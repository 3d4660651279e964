import { policy as environments } from '@juanie/services/environments/policy'
import type { Policy } from '@juanie/services/organizations/contract'
import { policy as organizations } from '@juanie/services/organizations/policy'
import { policy as projects } from '@juanie/services/projects/policy'
import { policy as secrets } from '@juanie/services/secrets/policy'

/** The tables of all domains; none says anything of another's permissions. */
export const policies: readonly Policy[] = [organizations, projects, environments, secrets]

/** Who may do what. */
export const policy: Policy = Object.assign({}, ...policies)
