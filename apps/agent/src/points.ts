/**
 * Where an agent may die between two durable writes or outside effects, see `@juanie/core/points`. The points of jobs
 * are listed by the jobs themselves.
 */
export const agentPoints = [
  'agent.report.before-send',
  'agent.report.acknowledged',
  'agent.logs.before-send',
  'agent.logs.acknowledged',
  'agent.observed.before-send',
  'agent.observed.acknowledged',
  'agent.desired.before-write',
  'agent.desired.written',
  'agent.desired.routes-applied',
  'agent.bundle.fetched',
  'agent.instance.before-start',
  'agent.process.started',
  'agent.process.recorded',
  'agent.instance.before-stop',
  'agent.instance.after-stop',
  'agent.task.begun',
  'agent.task.started',
  'agent.task.ended',
  'agent.route.table-set',
  'agent.route.settled',
  'agent.route.drained',
  'agent.soak.before-passed',
  'agent.soak.after-passed',
  'agent.soak.before-failed',
  'agent.soak.after-failed',
] as const
