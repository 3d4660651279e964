import { inOrganization, inProject, router } from '@juanie/core/trpc'
import { ListEvents, ListMatters, ListProjectCards } from './contract.ts'
import type { Events } from './events.ts'
import type { Overview } from './service.ts'

export const eventsRouter = (events: Events) =>
  router({
    ofOrganization: inOrganization('organization.view')
      .input(ListEvents)
      .query(({ ctx, input }) => events.ofOrganization(ctx.scope, input)),
    ofProject: inProject('project.view')
      .input(ListEvents)
      .query(({ ctx, input }) => events.ofProject(ctx.scope, input)),
  })

export const overviewRouter = (overview: Overview) =>
  router({
    matters: inOrganization('organization.view')
      .input(ListMatters)
      .query(({ ctx, input }) => overview.matters(ctx.scope, input)),
    projects: inOrganization('project.view')
      .input(ListProjectCards)
      .query(({ ctx, input }) => overview.projects(ctx.scope, input)),
    hostLoads: inOrganization('host.view').query(() => overview.hostLoads()),
    broken: inProject('project.view').query(({ ctx }) => overview.broken(ctx.scope)),
  })
