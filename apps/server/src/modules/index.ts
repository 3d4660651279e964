import type { DynamicModule } from '@nestjs/common'
import { authModule } from './auth.module.ts'
import { projectsModule } from './projects.module.ts'

/** One module per domain, from the ground floor up. */
export const modules: DynamicModule[] = [authModule, projectsModule]
