import { inProject, router } from '@juanie/core/trpc'
import { FindDelivery, ListDeliveries } from './contract.ts'
import type { Webhooks } from './service.ts'

export const deliveriesRouter = (webhooks: Webhooks) =>
  router({
    list: inProject('delivery.view')
      .input(ListDeliveries)
      .query(({ ctx, input }) => webhooks.list(ctx.scope, input)),
    view: inProject('delivery.view')
      .input(FindDelivery)
      .query(({ ctx, input }) => webhooks.view(ctx.scope, input)),
    replay: inProject('delivery.replay')
      .input(FindDelivery)
      .mutation(({ ctx, input }) => webhooks.replay(ctx.scope, input)),
  })
