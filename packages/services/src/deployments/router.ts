import { inProject, router } from '@juanie/core/trpc'
import {
  CancelDeployment,
  CompareDeployments,
  ListDeployments,
  PlanDeployment,
  PromoteRelease,
  RollBack,
  StartDeployment,
  ViewDeployment,
} from './contract.ts'
import type { Deployments } from './service.ts'

export const deploymentsRouter = (deployments: Deployments) =>
  router({
    start: inProject('deployment.start')
      .input(StartDeployment)
      .mutation(({ ctx, input }) => deployments.start(ctx.scope, input)),
    promote: inProject('deployment.promote')
      .input(PromoteRelease)
      .mutation(({ ctx, input }) => deployments.promote(ctx.scope, input)),
    rollback: inProject('deployment.rollback')
      .input(RollBack)
      .mutation(({ ctx, input }) => deployments.rollback(ctx.scope, input)),
    cancel: inProject('deployment.cancel')
      .input(CancelDeployment)
      .mutation(({ ctx, input }) => deployments.cancel(ctx.scope, input.deployment)),
    plan: inProject('deployment.view')
      .input(PlanDeployment)
      .query(({ ctx, input }) => deployments.plan(ctx.scope, input)),
    list: inProject('deployment.view')
      .input(ListDeployments)
      .query(({ ctx, input }) => deployments.list(ctx.scope, input)),
    view: inProject('deployment.view')
      .input(ViewDeployment)
      .query(({ ctx, input }) => deployments.view(ctx.scope, input.deployment)),
    compare: inProject('deployment.view')
      .input(CompareDeployments)
      .query(({ ctx, input }) => deployments.compare(ctx.scope, input)),
    overview: inProject('deployment.view').query(({ ctx }) => deployments.overview(ctx.scope)),
    environments: inProject('deployment.view').query(({ ctx }) => deployments.environments(ctx.scope)),
  })
