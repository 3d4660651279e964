import { TenantDoor } from '@juanie/services/projects'
import { Kernel } from '../kernel.ts'
import { policy } from '../policies.ts'
import { domain, provide } from './domain.ts'

export const projectsModule = domain(class ProjectsModule {}, [
  provide(TenantDoor, [Kernel], ({ db }) => new TenantDoor({ db, policy })),
])
