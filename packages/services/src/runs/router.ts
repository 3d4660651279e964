import { inProject, router } from '@juanie/core/trpc'
import { CancelRun, DispatchRepository, DispatchRun, ListRuns, ListStartable, RerunRun, ViewRun } from './contract.ts'
import type { RunFailures } from './failure.ts'
import type { Runs } from './service.ts'
import type { StartableWorkflows } from './startable.ts'
import type { RunStarts } from './starts.ts'
import type { TriggeredRuns } from './triggers.ts'

interface RunServices {
  runs: Runs
  starts: RunStarts
  triggered: TriggeredRuns
  startable: StartableWorkflows
  failures: RunFailures
}

export const runsRouter = ({ runs, starts, triggered, startable, failures }: RunServices) =>
  router({
    list: inProject('run.view')
      .input(ListRuns)
      .query(({ ctx, input }) => runs.list(ctx.scope, input)),
    view: inProject('run.view')
      .input(ViewRun)
      .query(({ ctx, input }) => runs.view(ctx.scope, input)),
    failure: inProject('run.view')
      .input(ViewRun)
      .query(({ ctx, input }) => failures.view(ctx.scope, input)),
    startable: inProject('run.dispatch')
      .input(ListStartable)
      .query(({ ctx, input }) => startable.list(ctx.scope, input)),
    dispatch: inProject('run.dispatch')
      .input(DispatchRun)
      .mutation(({ ctx, input }) => starts.dispatch(ctx.scope, input)),
    send: inProject('run.dispatch')
      .input(DispatchRepository)
      .mutation(({ ctx, input }) => triggered.dispatch(ctx.scope, input)),
    rerun: inProject('run.rerun')
      .input(RerunRun)
      .mutation(({ ctx, input }) => runs.rerun(ctx.scope, input)),
    cancel: inProject('run.cancel')
      .input(CancelRun)
      .mutation(({ ctx, input }) => runs.cancel(ctx.scope, input)),
  })
