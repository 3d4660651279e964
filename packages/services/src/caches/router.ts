import { inProject, router } from '@juanie/core/trpc'
import { ListCaches, RemoveCaches } from './contract.ts'
import type { Caches } from './service.ts'

export const cachesRouter = (caches: Caches) =>
  router({
    list: inProject('cache.view')
      .input(ListCaches)
      .query(({ ctx, input }) => caches.list(ctx.scope, input)),
    use: inProject('cache.view').query(({ ctx }) => caches.use(ctx.scope)),
    remove: inProject('cache.delete')
      .input(RemoveCaches)
      .mutation(({ ctx, input }) => caches.remove(ctx.scope, input)),
  })
