export { actionFileNames, parseAction } from './action-file.ts'
export { type ActionRef, isCommitId, parseActionRef } from './action-ref.ts'
export { parseCalled } from './call.ts'
export { type CommandEvent, CommandParser } from './commands.ts'
export { nextTick } from './cron.ts'
export { defaultWorkflow } from './default-workflow.ts'
export { dispatchInputs } from './dispatch.ts'
export { parseEnvFile, parsePathFile } from './env-file.ts'
export {
  type EvaluationOptions,
  evaluateCondition,
  evaluateMapping,
  evaluateTemplate,
  evaluateValue,
} from './evaluate.ts'
export { ExpressionError } from './expressions.ts'

export { isBlocked } from './jobs.ts'
export { Masker } from './masker.ts'
export { expandJob, runsOnLabels, strategyContext } from './matrix.ts'
export * from './model.ts'
export { ancestorsOf } from './needs.ts'
export { type Parsed, parseWorkflow } from './parse.ts'
export { boundPermissions } from './permissions.ts'
export { type MatchedProblem, ProblemMatchers, readMatchers } from './problem-matchers.ts'
export { matchPush, matchWorkflowRun } from './push-filter.ts'
export { type InstanceResult, jobResultOf } from './results.ts'
export { matchesRunner } from './runners.ts'
