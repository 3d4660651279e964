import { inProject, router } from '@juanie/core/trpc'
import { ConnectRepository } from './contract.ts'
import type { Connections } from './service.ts'

export const connectionsRouter = (connections: Connections) =>
  router({
    find: inProject('connection.view').query(({ ctx }) => connections.find(ctx.scope)),
    connect: inProject('connection.set')
      .input(ConnectRepository)
      .mutation(({ ctx, input }) => connections.connect(ctx.scope, input)),
    disconnect: inProject('connection.set').mutation(({ ctx }) => connections.disconnect(ctx.scope)),
    renewWebhookSecret: inProject('connection.set').mutation(({ ctx }) => connections.renewWebhookSecret(ctx.scope)),
    lookSoon: inProject('connection.set').mutation(({ ctx }) => connections.lookSoon(ctx.scope)),
  })
