import { inProject, router } from '@juanie/core/trpc'
import * as z from 'zod/mini'
import type { Traffic } from '../routes/index.ts'
import { CreateEnvironment, EditEnvironment, EnvironmentKey, ReadTraffic } from './contract.ts'
import type { Environments } from './service.ts'

export const environmentsRouter = ({ environments, traffic }: { environments: Environments; traffic: Traffic }) =>
  router({
    list: inProject('environment.view').query(({ ctx }) => environments.list(ctx.scope)),
    view: inProject('environment.view')
      .input(z.object({ environment: EnvironmentKey }))
      .query(({ ctx, input }) => environments.view(ctx.scope, input.environment)),
    traffic: inProject('environment.view')
      .input(ReadTraffic)
      .query(({ ctx, input }) => traffic.read(ctx.scope, input)),
    create: inProject('environment.create')
      .input(CreateEnvironment)
      .mutation(({ ctx, input }) => environments.create(ctx.scope, input)),
    edit: inProject('environment.edit')
      .input(EditEnvironment)
      .mutation(({ ctx, input }) => environments.edit(ctx.scope, input)),
  })
