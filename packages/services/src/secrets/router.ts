import { inProject, router } from '@juanie/core/trpc'
import { DeleteSetting, ListSettings, SetSetting } from './contract.ts'
import type { Secrets } from './service.ts'
import type { Variables } from './variables.ts'

export const variablesRouter = (variables: Variables) =>
  router({
    list: inProject('variable.view')
      .input(ListSettings)
      .query(({ ctx, input }) => variables.list(ctx.scope, input)),
    set: inProject('variable.set')
      .input(SetSetting)
      .mutation(({ ctx, input }) => variables.set(ctx.scope, input)),
    delete: inProject('variable.set')
      .input(DeleteSetting)
      .mutation(({ ctx, input }) => variables.delete(ctx.scope, input)),
  })

export const secretsRouter = (secrets: Secrets) =>
  router({
    list: inProject('secret.view')
      .input(ListSettings)
      .query(({ ctx, input }) => secrets.list(ctx.scope, input)),
    set: inProject('secret.set')
      .input(SetSetting)
      .mutation(({ ctx, input }) => secrets.set(ctx.scope, input)),
    delete: inProject('secret.set')
      .input(DeleteSetting)
      .mutation(({ ctx, input }) => secrets.delete(ctx.scope, input)),
  })
