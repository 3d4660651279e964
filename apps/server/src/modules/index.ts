import type { DynamicModule } from '@nestjs/common'
import { authModule } from './auth.module.ts'
import { environmentsModule } from './environments.module.ts'
import { organizationsModule } from './organizations.module.ts'
import { projectsModule } from './projects.module.ts'
import { secretsModule } from './secrets.module.ts'

/** One module per domain, from the ground floor up. */
export const modules: DynamicModule[] = [
  authModule,
  organizationsModule,
  projectsModule,
  environmentsModule,
  secretsModule,
]
