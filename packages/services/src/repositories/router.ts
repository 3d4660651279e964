import { inProject, router } from '@juanie/core/trpc'
import type { Repositories } from './service.ts'

export const repositoriesRouter = (repositories: Repositories) =>
  router({ view: inProject('repository.view').query(({ ctx }) => repositories.view(ctx.scope)) })
