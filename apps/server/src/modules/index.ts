import type { DynamicModule } from '@nestjs/common'
import { actionsModule } from './actions.module.ts'
import { authModule } from './auth.module.ts'
import { connectionsModule } from './connections.module.ts'
import { deploymentsModule } from './deployments.module.ts'
import { environmentsModule } from './environments.module.ts'
import { hostsModule } from './hosts.module.ts'
import { identityModule } from './identity.module.ts'
import { organizationsModule } from './organizations.module.ts'
import { overviewModule } from './overview.module.ts'
import { pipelinesModule } from './pipelines.module.ts'
import { projectsModule } from './projects.module.ts'
import { releasesModule } from './releases.module.ts'
import { repositoriesModule } from './repositories.module.ts'
import { runsModule } from './runs.module.ts'
import { secretsModule } from './secrets.module.ts'
import { storageModule } from './storage.module.ts'

/** One module per domain, from the ground floor up. */
export const modules: DynamicModule[] = [
  authModule,
  organizationsModule,
  hostsModule,
  repositoriesModule,
  projectsModule,
  environmentsModule,
  secretsModule,
  actionsModule,
  pipelinesModule,
  runsModule,
  connectionsModule,
  storageModule,
  identityModule,
  releasesModule,
  deploymentsModule,
  overviewModule,
]
