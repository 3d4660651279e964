import { inProject, router } from '@juanie/core/trpc'
import { CancelRun, DispatchRun, ListRuns, RerunRun, ViewRun } from './contract.ts'
import type { Runs } from './service.ts'
import type { RunStarts } from './starts.ts'

export const runsRouter = (runs: Runs, starts: RunStarts) =>
  router({
    list: inProject('run.view')
      .input(ListRuns)
      .query(({ ctx, input }) => runs.list(ctx.scope, input)),
    view: inProject('run.view')
      .input(ViewRun)
      .query(({ ctx, input }) => runs.view(ctx.scope, input)),
    dispatch: inProject('run.dispatch')
      .input(DispatchRun)
      .mutation(({ ctx, input }) => starts.dispatch(ctx.scope, input)),
    rerun: inProject('run.rerun')
      .input(RerunRun)
      .mutation(({ ctx, input }) => runs.rerun(ctx.scope, input)),
    cancel: inProject('run.cancel')
      .input(CancelRun)
      .mutation(({ ctx, input }) => runs.cancel(ctx.scope, input)),
  })
