import { Deployments } from '@juanie/services/deployments'
import { Environments } from '@juanie/services/environments'
import { Projects, TenantDoor } from '@juanie/services/projects'
import { Repositories } from '@juanie/services/repositories'
import { Kernel } from '../kernel.ts'
import { policy } from '../policies.ts'
import { domain, provide } from './domain.ts'

export const projectsModule = domain(class ProjectsModule {}, [
  provide(TenantDoor, [Kernel], ({ db }) => new TenantDoor({ db, policy })),
  // The parts of a project begin in this order and end in the opposite one.
  provide(
    Projects,
    [Kernel, Environments, Repositories, Deployments],
    ({ db, config }, environments, repositories, deployments) =>
      new Projects({ db, url: config.url, parts: [environments, repositories, deployments] }),
  ),
])
