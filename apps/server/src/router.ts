import { router } from '@juanie/core/trpc'
import { AccessTokens, Sessions } from '@juanie/services/auth'
import { authRouter } from '@juanie/services/auth/router'
import { Environments } from '@juanie/services/environments'
import { environmentsRouter } from '@juanie/services/environments/router'
import { Invitations, Organizations } from '@juanie/services/organizations'
import { organizationsRouter } from '@juanie/services/organizations/router'
import { Projects } from '@juanie/services/projects'
import { projectsRouter } from '@juanie/services/projects/router'
import { Secrets, Variables } from '@juanie/services/secrets'
import { secretsRouter, variablesRouter } from '@juanie/services/secrets/router'
import type { HttpDeps } from './http/index.ts'

/** The whole typed API, joined from the domains. */
export const appRouter = (get: HttpDeps['get']) =>
  router({
    auth: authRouter({ sessions: get(Sessions), tokens: get(AccessTokens) }),
    organizations: organizationsRouter({ organizations: get(Organizations), invitations: get(Invitations) }),
    projects: projectsRouter(get(Projects)),
    environments: environmentsRouter(get(Environments)),
    variables: variablesRouter(get(Variables)),
    secrets: secretsRouter(get(Secrets)),
  })

export type AppRouter = ReturnType<typeof appRouter>
