import { createdAt, owned, primaryId } from '@juanie/core/database'
import { index, integer, jsonb, snakeCase, text, uniqueIndex } from 'drizzle-orm/pg-core'
import { runArtifacts } from '../artifacts/tables.ts'
import { projects } from '../projects/tables.ts'
import { pipelineRuns } from '../runs/tables.ts'
import type { Coverage, FailedTest, TestTotals } from './contract.ts'

/** What the reports in one artifact say; one without any has a row too, so that it is not looked at again. */
export const testReports = snakeCase.table(
  'test_reports',
  {
    id: primaryId(),
    projectId: owned(() => projects.id),
    runId: owned(() => pipelineRuns.id),
    artifactId: owned(() => runArtifacts.id),
    /** Name of the artifact, by which reports of different runs are compared. */
    name: text().notNull(),
    attempt: integer().notNull(),
    commit: text().notNull(),
    tests: jsonb().$type<TestTotals>(),
    failures: jsonb().$type<FailedTest[]>().notNull().default([]),
    coverage: jsonb().$type<Coverage>(),
    problems: jsonb().$type<string[]>().notNull().default([]),
    createdAt: createdAt(),
  },
  (r) => [
    uniqueIndex('test_reports_artifact_unique').on(r.artifactId),
    index('test_reports_run').on(r.runId),
    index('test_reports_commit').on(r.projectId, r.commit, r.name),
  ],
)
