import { inProject, router } from '@juanie/core/trpc'
import { ViewReports } from './contract.ts'
import type { Reports } from './service.ts'

export const reportsRouter = (reports: Reports) =>
  router({
    view: inProject('report.view')
      .input(ViewReports)
      .query(({ ctx, input }) => reports.view(ctx.scope, input)),
  })
