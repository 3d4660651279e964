import { inProject, router } from '@juanie/core/trpc'
import type { Pipelines } from './service.ts'

export const pipelinesRouter = (pipelines: Pipelines) =>
  router({ list: inProject('pipeline.view').query(({ ctx }) => pipelines.list(ctx.scope)) })
