import { inOrganization, router } from '@juanie/core/trpc'
import { ActionPolicy } from './contract.ts'
import type { Actions } from './service.ts'

export const actionsRouter = (actions: Actions) =>
  router({
    policy: inOrganization('action.view').query(({ ctx }) => actions.policy(ctx.scope)),
    setPolicy: inOrganization('action.set')
      .input(ActionPolicy)
      .mutation(({ ctx, input }) => actions.setPolicy(ctx.scope, input)),
  })
