import * as z from 'zod/mini'

/** A run by its number or id. */
export const ViewReports = z.object({ run: z.union([z.int32().check(z.minimum(1)), z.uuid()]) })
export type ViewReports = z.infer<typeof ViewReports>

/** A test that did not pass. */
export interface FailedTest {
  suite: string
  name: string
  file: string | null
  message: string
  durationMs: number | null
}

export interface TestTotals {
  passed: number
  failed: number
  skipped: number
  durationMs: number
}

export interface Coverage {
  linesTotal: number
  linesCovered: number
}

export interface ReportView {
  /** Name of the artifact that it was read from. */
  artifact: string
  job: string | null
  attempt: number
  /** Null where there are no tests in it. */
  tests: TestTotals | null
  /** At most 500; `isFlaky`: on the same commit another run or attempt passed it. */
  failures: (FailedTest & { isFlaky: boolean })[]
  coverage: Coverage | null
  /** What was in it and could not be read, one sentence each. */
  problems: string[]
}
