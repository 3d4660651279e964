/**
 * The side of this domain that needs no database: what a run decides, from where its jobs stand. The program that runs
 * a workflow on somebody's own machine decides by it as the server does.
 */
export { askToEnd } from './ask-to-end.ts'
export { secretsOf } from './called-secrets.ts'
export { calledText, localCalls } from './called-texts.ts'
export { calledWorkflow, placeOf, workflowPlace } from './calls.ts'
export { type Claim, decideGroup } from './concurrency-group.ts'
export { type GithubFacts, githubContext, shortRef } from './contexts.ts'
export { secretsNamed } from './mentions.ts'
export { freshJobs, latest, move, needsOf, type PlannedJob, plan } from './plan.ts'
export type { CalledWorkflows, WantedWorkflow } from './plan-input.ts'
