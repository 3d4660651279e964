import { inProject, router } from '@juanie/core/trpc'
import { ListArtifacts, RemoveArtifact } from './contract.ts'
import type { RunArtifacts } from './service.ts'

export const artifactsRouter = (artifacts: RunArtifacts) =>
  router({
    list: inProject('artifact.view')
      .input(ListArtifacts)
      .query(({ ctx, input }) => artifacts.list(ctx.scope, input)),
    remove: inProject('artifact.delete')
      .input(RemoveArtifact)
      .mutation(({ ctx, input }) => artifacts.remove(ctx.scope, input.artifact)),
  })
