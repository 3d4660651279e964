import { inProject, router } from '@juanie/core/trpc'
import * as z from 'zod/mini'
import { CreateEnvironment, EditEnvironment, EnvironmentKey } from './contract.ts'
import type { Environments } from './service.ts'

export const environmentsRouter = (environments: Environments) =>
  router({
    list: inProject('environment.view').query(({ ctx }) => environments.list(ctx.scope)),
    view: inProject('environment.view')
      .input(z.object({ environment: EnvironmentKey }))
      .query(({ ctx, input }) => environments.view(ctx.scope, input.environment)),
    create: inProject('environment.create')
      .input(CreateEnvironment)
      .mutation(({ ctx, input }) => environments.create(ctx.scope, input)),
    edit: inProject('environment.edit')
      .input(EditEnvironment)
      .mutation(({ ctx, input }) => environments.edit(ctx.scope, input)),
  })
