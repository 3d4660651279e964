import { inProject, router } from '@juanie/core/trpc'
import { CreateRelease, ListReleases, ViewRelease } from './contract.ts'
import type { Releases } from './service.ts'

export const releasesRouter = (releases: Releases) =>
  router({
    list: inProject('release.view')
      .input(ListReleases)
      .query(({ ctx, input }) => releases.list(ctx.scope, input)),
    view: inProject('release.view')
      .input(ViewRelease)
      .query(({ ctx, input }) => releases.view(ctx.scope, input.release)),
    description: inProject('release.view')
      .input(ViewRelease)
      .query(({ ctx, input }) => releases.description(ctx.scope, input.release)),
    changes: inProject('release.view')
      .input(ViewRelease)
      .query(({ ctx, input }) => releases.changes(ctx.scope, input.release)),
    create: inProject('release.create')
      .input(CreateRelease)
      .mutation(({ ctx, input }) => releases.create(ctx.scope, input)),
  })
