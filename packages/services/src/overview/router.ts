import { inOrganization, inProject, router } from '@juanie/core/trpc'
import { ListEvents } from './contract.ts'
import type { Events } from './events.ts'

export const eventsRouter = (events: Events) =>
  router({
    ofOrganization: inOrganization('organization.view')
      .input(ListEvents)
      .query(({ ctx, input }) => events.ofOrganization(ctx.scope, input)),
    ofProject: inProject('project.view')
      .input(ListEvents)
      .query(({ ctx, input }) => events.ofProject(ctx.scope, input)),
  })
