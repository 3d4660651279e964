import { router } from '@juanie/core/trpc'
import { Actions } from '@juanie/services/actions'
import { actionsRouter } from '@juanie/services/actions/router'
import { RunArtifacts } from '@juanie/services/artifacts'
import { artifactsRouter } from '@juanie/services/artifacts/router'
import { AccessTokens, Sessions } from '@juanie/services/auth'
import { authRouter } from '@juanie/services/auth/router'
import { Caches } from '@juanie/services/caches'
import { cachesRouter } from '@juanie/services/caches/router'
import { Connections } from '@juanie/services/connections'
import { connectionsRouter } from '@juanie/services/connections/router'
import { Deployments } from '@juanie/services/deployments'
import { deploymentsRouter } from '@juanie/services/deployments/router'
import { Environments } from '@juanie/services/environments'
import { environmentsRouter } from '@juanie/services/environments/router'
import { Hosts } from '@juanie/services/hosts'
import { hostsRouter } from '@juanie/services/hosts/router'
import { Invitations, Organizations } from '@juanie/services/organizations'
import { organizationsRouter } from '@juanie/services/organizations/router'
import { Events, Overview } from '@juanie/services/overview'
import { eventsRouter, overviewRouter } from '@juanie/services/overview/router'
import { Pipelines } from '@juanie/services/pipelines'
import { pipelinesRouter } from '@juanie/services/pipelines/router'
import { Projects } from '@juanie/services/projects'
import { projectsRouter } from '@juanie/services/projects/router'
import { Releases } from '@juanie/services/releases'
import { releasesRouter } from '@juanie/services/releases/router'
import { Reports } from '@juanie/services/reports'
import { reportsRouter } from '@juanie/services/reports/router'
import { Repositories } from '@juanie/services/repositories'
import { repositoriesRouter } from '@juanie/services/repositories/router'
import { Traffic } from '@juanie/services/routes'
import { RunFailures, RunStarts, Runs, StartableWorkflows, TriggeredRuns } from '@juanie/services/runs'
import { runsRouter } from '@juanie/services/runs/router'
import { Secrets, Variables } from '@juanie/services/secrets'
import { secretsRouter, variablesRouter } from '@juanie/services/secrets/router'
import { Inbox } from '@juanie/services/webhooks'
import { deliveriesRouter } from '@juanie/services/webhooks/router'
import type { HttpDeps } from './http/deps.ts'

/** The whole typed API, joined from the domains. */
export const appRouter = (get: HttpDeps['get']) =>
  router({
    auth: authRouter({ sessions: get(Sessions), tokens: get(AccessTokens) }),
    organizations: organizationsRouter({ organizations: get(Organizations), invitations: get(Invitations) }),
    projects: projectsRouter(get(Projects)),
    environments: environmentsRouter({ environments: get(Environments), traffic: get(Traffic) }),
    hosts: hostsRouter(get(Hosts)),
    actions: actionsRouter(get(Actions)),
    repositories: repositoriesRouter(get(Repositories)),
    connections: connectionsRouter(get(Connections)),
    deliveries: deliveriesRouter(get(Inbox)),
    pipelines: pipelinesRouter(get(Pipelines)),
    runs: runsRouter({
      runs: get(Runs),
      starts: get(RunStarts),
      triggered: get(TriggeredRuns),
      startable: get(StartableWorkflows),
      failures: get(RunFailures),
    }),
    variables: variablesRouter(get(Variables)),
    secrets: secretsRouter(get(Secrets)),
    artifacts: artifactsRouter(get(RunArtifacts)),
    caches: cachesRouter(get(Caches)),
    reports: reportsRouter(get(Reports)),
    releases: releasesRouter(get(Releases)),
    deployments: deploymentsRouter(get(Deployments)),
    events: eventsRouter(get(Events)),
    overview: overviewRouter(get(Overview)),
  })

export type AppRouter = ReturnType<typeof appRouter>
