import { inOrganization, inProject, router, signedIn } from '@juanie/core/trpc'
import { Page } from '../auth/contract.ts'
import { CreateProject, FindProject, UpdateProject } from './contract.ts'
import type { Projects } from './service.ts'

export const projectsRouter = (projects: Projects) =>
  router({
    find: signedIn.input(FindProject).query(({ ctx, input }) => projects.find(ctx.session, input)),
    list: inOrganization('project.view')
      .input(Page)
      .query(({ ctx, input }) => projects.list(ctx.scope, input)),
    create: inOrganization('project.create')
      .input(CreateProject)
      .mutation(({ ctx, input }) => projects.create(ctx.scope, input)),
    view: inProject('project.view').query(({ ctx }) => projects.view(ctx.scope)),
    update: inProject('project.update')
      .input(UpdateProject)
      .mutation(({ ctx, input }) => projects.update(ctx.scope, input)),
    delete: inProject('project.delete').mutation(({ ctx }) => projects.delete(ctx.scope)),
  })
