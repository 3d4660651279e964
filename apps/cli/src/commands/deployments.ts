import { randomUUID } from 'node:crypto'
import { plain } from '@juanie/core/text'
import {
  type Change,
  type DeploymentAnswer,
  type DeploymentPlan,
  type DeploymentView,
  finalStatuses,
} from '@juanie/services/deployments/contract'
import type { Command } from 'commander'
import { releaseFolder } from '../bundle-upload.ts'
import { api } from '../client.ts'
import { CommandError, usageError } from '../exit.ts'
import { printJson, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions, reference } from '../project.ts'

interface Options extends ProjectOptions {
  wait: boolean
  plan?: boolean
}

type Wish =
  | { kind: 'deploy'; environment: string; release?: number | string }
  | { kind: 'promotion'; environment: string; to?: string }
  | { kind: 'rollback'; environment: string; to?: number | string; config?: 'snapshot' | 'current' }

const lookMs = 200
const isFinal = (status: string) => (finalStatuses as readonly string[]).includes(status)

export function addDeploymentCommands(program: Command): void {
  watched(
    program.command('deploy').description('Put a release into an environment, and wait until it is kept or returned'),
  )
    .argument('[environment]', 'default: dev')
    .option(
      '--release <release>',
      "number or id; default: the newest of the followed branch, else the one that is there with today's configuration",
    )
    .option('--from <folder>', 'pack this folder as it lies, make a release of it and deploy that')
    .option('--cancel <deployment>', 'end a deployment, by number or id; after its switch it is rolled back')
    .action(deploy)
  watched(program.command('promote').description('Take the release that was kept in an environment on to the next one'))
    .argument('<environment>', 'where it was kept')
    .option('--to <environment>', 'default: the next by position')
    .action(promote)
  watched(program.command('rollback').description('Deploy what ran before, exactly as it ran'))
    .argument('[environment]', 'default: dev')
    .option('--to <deployment>', 'number or id of the earlier deployment; default: the last good one before')
    .option('--config <which>', '"current": the earlier release with today\'s configuration')
    .action(rollback)
}

const watched = (command: Command): Command =>
  aboutProject(command)
    .option('--no-wait', 'return as soon as it is queued')
    .option('--plan', 'show what would change, and change nothing')

async function deploy(
  environment = 'dev',
  options: Options & { release?: string; from?: string; cancel?: string },
): Promise<void> {
  const given = [options.release, options.from, options.cancel].filter((each) => each !== undefined)
  if (given.length > 1) throw usageError('Give one of --release, --from and --cancel.')
  const { id } = await findProject(options)
  if (options.cancel !== undefined) return cancel(id, options.cancel, options)
  const release =
    options.from !== undefined
      ? await releaseFolder(id, options.from)
      : options.release === undefined
        ? undefined
        : reference(options.release)
  await ask(id, { kind: 'deploy', environment, release }, options)
}

async function cancel(projectId: string, named: string, options: Options): Promise<void> {
  const answer = await api().deployments.cancel.mutate({ projectId, deployment: reference(named) })
  if (options.json) printJson(answer)
  else say(`Deployment #${reference(named)} is asked to end. Follow it: juanie status --deployment ${named}`)
}

async function promote(environment: string, options: Options & { to?: string }): Promise<void> {
  const { id } = await findProject(options)
  await ask(id, { kind: 'promotion', environment, to: options.to }, options)
}

async function rollback(environment = 'dev', options: Options & { to?: string; config?: string }): Promise<void> {
  if (options.config !== undefined && options.config !== 'current' && options.config !== 'snapshot') {
    throw usageError(`--config: "${options.config}" is neither "current" nor "snapshot".`)
  }
  const { id } = await findProject(options)
  const to = options.to === undefined ? undefined : reference(options.to)
  await ask(id, { kind: 'rollback', environment, to, config: options.config }, options)
}

async function ask(projectId: string, wish: Wish, options: Options): Promise<void> {
  if (options.plan) {
    const plan = await api().deployments.plan.query({ projectId, ...wish })
    if (options.json) printJson(plan)
    else tellPlan(plan)
    if (plan.problems.length > 0) throw new CommandError('It would be refused.')
    return
  }
  // A repeated request, after a lost answer, finds the first one's deployment.
  const asked = { projectId, requestKey: randomUUID(), ...wish }
  const answer = await start(asked)
  if (!options.wait) return tell(answer, options)
  const { environment } = await patiently(() => api().deployments.view.query({ projectId, deployment: answer.id }))
  say(`Deployment #${answer.number} of release #${answer.release.number} to ${environment.name}`)
  await watch(projectId, answer.id, options)
}

function start(asked: Wish & { projectId: string; requestKey: string }): Promise<DeploymentAnswer> {
  const { deployments } = api()
  if (asked.kind === 'deploy') return deployments.start.mutate(asked)
  if (asked.kind === 'promotion') return deployments.promote.mutate(asked)
  return deployments.rollback.mutate(asked)
}

/** Shows each stage until the deployment is over. Ctrl-C only stops watching. */
async function watch(projectId: string, deployment: string, options: Options): Promise<void> {
  const stop = () => {
    say('\nThe deployment goes on without you. See: juanie status')
    process.exit(130)
  }
  process.once('SIGINT', stop)
  let told = ''
  for (;;) {
    const view = await patiently(() => api().deployments.view.query({ projectId, deployment }))
    const line = view.waitsFor ? `${view.status}: waits for ${plain(view.waitsFor.what)}` : view.status
    if (line !== told && !isFinal(view.status)) say(`  ${line}`)
    told = line
    if (view.flagged) say(`  ${plain(view.flagged.message)}`)
    if (isFinal(view.status)) {
      process.off('SIGINT', stop)
      return tell(view, options)
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
}

/** The server may be restarted in the middle: the deployment goes on, and so does the watching. */
async function patiently(look: () => Promise<DeploymentView>): Promise<DeploymentView> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await look()
    } catch (error) {
      if (!(error instanceof CommandError) || attempt >= 120) throw error
      if (attempt === 0) say('  Juanie does not answer; waiting for it.')
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

function tell({ id, number, status, reason, url, release }: DeploymentAnswer, options: Options): void {
  if (options.json) printJson({ id, number, status, reason, url, release })
  else if (status === 'succeeded') process.stdout.write(`${url}\n`)
  else if (!isFinal(status)) say(`Deployment #${number} is ${status}. See: juanie status`)
  if (!isFinal(status) || status === 'succeeded') return
  throw new CommandError(`Deployment #${number}: ${status}. ${reason ? plain(reason) : ''}`.trim())
}

function tellPlan(plan: DeploymentPlan): void {
  const from = plan.current ? `#${plan.current.release.number}` : 'nothing'
  process.stdout.write(`${plan.environment.name}: release ${from} → #${plan.release.number}\n`)
  for (const change of plan.changes) {
    const [before, to] = [shownOf(change, change.from), shownOf(change, change.to)]
    process.stdout.write(`  ${plain(change.label)}: ${before} → ${to}\n`)
  }
  if (plan.changes.length === 0) process.stdout.write('  The same would run again.\n')
  for (const { name, version, latest } of plan.rotated) {
    process.stdout.write(
      `  secret ${name}: version ${version} would run; ${latest === null ? 'it is deleted since' : `the newest is ${latest}`}\n`,
    )
  }
  for (const { path, reason } of plan.notHonoured)
    process.stdout.write(`  not honoured: ${plain(path)}: ${plain(reason)}\n`)
  for (const warning of plan.warnings) process.stdout.write(`  warning: ${plain(warning)}\n`)
  for (const { number, status } of plan.behind)
    process.stdout.write(`  waits behind deployment #${number} (${status})\n`)
  for (const problem of plan.problems) process.stdout.write(`  problem: ${plain(problem)}\n`)
}

function shownOf({ subject, unit }: Change, value: string | null): string {
  if (value === null) return '(none)'
  if (unit === 'ms') return Number(value) < 1000 ? `${value} ms` : `${Number(value) / 1000} s`
  if (unit === 'version') return `version ${value}`
  if (unit === 'bytes') return `${Math.round(Number(value) / 1024 / 102.4) / 10} MiB`
  return plain(subject === 'files' ? value.slice(0, 'sha256:'.length + 12) : value)
}
