import { inProject, router } from '@juanie/core/trpc'
import { FindDelivery, ListDeliveries } from './contract.ts'
import type { Inbox } from './inbox.ts'

export const deliveriesRouter = (inbox: Inbox) =>
  router({
    list: inProject('delivery.view')
      .input(ListDeliveries)
      .query(({ ctx, input }) => inbox.list(ctx.scope, input)),
    view: inProject('delivery.view')
      .input(FindDelivery)
      .query(({ ctx, input }) => inbox.view(ctx.scope, input)),
    replay: inProject('delivery.replay')
      .input(FindDelivery)
      .mutation(({ ctx, input }) => inbox.replay(ctx.scope, input)),
  })
