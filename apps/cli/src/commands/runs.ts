import { plain } from '@juanie/core/text'
import type { JobView, RunView, StepView } from '@juanie/services/runs/contract'
import type { Command } from 'commander'
import { api } from '../client.ts'
import { CommandError } from '../exit.ts'
import { ago, printJson, printTable, say } from '../output.ts'
import { aboutProject, findProject, firstRows, limitOf, type ProjectOptions, reference } from '../project.ts'
import { reasonOf } from '../reasons.ts'

const final = ['succeeded', 'failed', 'canceled', 'timed_out', 'skipped', 'superseded', 'invalid']
const lookMs = 250

export function addRunCommands(program: Command): void {
  const run = program.command('run').description('Runs: what each push did')
  aboutProject(run.command('list').description('List runs, newest first'))
    .option('--limit <number>', 'how many', '20')
    .option('--branch <name>', 'of this branch alone')
    .action(list)
  aboutProject(run.command('view').description('Show a run: its jobs, steps, warnings, and what it waits for'))
    .argument('[run]', 'number or id; default: the newest')
    .action(view)
  aboutProject(run.command('watch').description('Follow a run to its end; exits with its outcome'))
    .argument('[run]', 'number or id; default: the newest')
    .action(watch)
  aboutProject(run.command('rerun').description('Run the same commit and workflow text again'))
    .argument('<run>', 'number or id')
    .option('--failed', 'only the jobs that failed, and those that need them')
    .option('--watch', 'follow it to its end')
    .action(rerun)
  aboutProject(run.command('cancel').description('End a run')).argument('<run>', 'number or id').action(cancel)
}

async function list(options: ProjectOptions & { limit: string; branch?: string }): Promise<void> {
  const { id } = await findProject(options)
  const rows = await firstRows(limitOf(options.limit), (page) =>
    api().runs.list.query({ projectId: id, branch: options.branch, ...page }),
  )
  if (options.json) {
    return printJson(
      rows.map(({ id: runId, number, status, event, branch, commit }) => ({
        id: runId,
        number,
        status,
        event,
        branch,
        commit,
      })),
    )
  }
  printTable(
    ['RUN', 'STATUS', 'TITLE', 'BRANCH', 'COMMIT', 'WHEN'],
    rows.map((row) => [
      `#${row.number}`,
      row.status,
      row.title.slice(0, 60),
      row.branch,
      row.commit.slice(0, 7),
      ago(row.createdAt),
    ]),
    'There are no runs yet. Push something: git push origin main',
  )
}

/** The run that is meant: by number or id, else the newest. */
export async function findRun(projectId: string, named: string | undefined): Promise<RunView> {
  if (named !== undefined) return api().runs.view.query({ projectId, run: reference(named) })
  const { rows } = await api().runs.list.query({ projectId, limit: 1 })
  if (!rows[0]) throw new CommandError('There are no runs yet. Push something: git push origin main')
  return api().runs.view.query({ projectId, run: rows[0].id })
}

async function view(named: string | undefined, options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const run = await findRun(id, named)
  if (options.json) return printJson(run)
  process.stdout.write(
    `Run #${run.number}${run.attempt > 1 ? ` (attempt ${run.attempt})` : ''}  ${run.status}\n${plain(run.title)}\n` +
      `workflow  ${workflowOf(run)}\n` +
      `branch    ${plain(run.branch)}   commit ${run.commit.slice(0, 12)}   ${ago(run.createdAt)}\n${run.url}\n`,
  )
  if (run.reason) process.stdout.write(`reason    ${plain(reasonOf(run.reason))}\n`)
  if (run.waitsFor) process.stdout.write(`waits     ${plain(run.waitsFor)}\n`)
  for (const problem of run.problems) {
    const place = problem.position ? `:${problem.position.line}:${problem.position.column}` : ''
    process.stdout.write(`${problem.severity}  ${plain(problem.file)}${place}: ${plain(problem.message)}\n`)
  }
  for (const job of run.jobs) process.stdout.write(`\n${describe(job)}`)
}

function workflowOf({ workflow: { name, file, origin } }: RunView): string {
  if (origin === 'default') return `${plain(name)} (${plain(file)}, made by Juanie; write it out with: juanie init)`
  // A workflow without a name is known by its file.
  return name === file ? plain(file) : `${plain(name)} (${plain(file)})`
}

function describe(job: JobView): string {
  const lines = [
    `${job.status.padEnd(10)} ${plain(job.name)}${job.repeat > 1 ? ' (repeated after its machine was lost)' : ''}`,
  ]
  if (job.environmentUrl) lines.push(`           ${plain(job.environment ?? '')} ${plain(job.environmentUrl)}`)
  if (job.waitsFor) lines.push(`           ${plain(job.waitsFor)}`)
  if (job.reason) lines.push(`           ${plain(reasonOf(job.reason))}`)
  for (const step of job.steps) {
    lines.push(
      `  ${(step.place < 0 ? '' : String(step.place + 1)).padStart(3)} ${step.status.padEnd(10)} ${plain(step.name)}${took(step)}`,
    )
    if (step.reason) lines.push(`      ${plain(reasonOf(step.reason))}`)
    for (const { level, message, file, line } of step.annotations) {
      lines.push(`      ${level}: ${file ? `${plain(file)}${line ? `:${line}` : ''}: ` : ''}${plain(message)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function took(step: StepView): string {
  if (!step.startedAt || !step.finishedAt) return ''
  return `  ${((new Date(step.finishedAt).getTime() - new Date(step.startedAt).getTime()) / 1000).toFixed(1)} s`
}

async function watch(named: string | undefined, options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const run = await findRun(id, named)
  await follow(id, run.id, options)
}

/** Shows what changes until the run is over, and ends as it did. */
export async function follow(projectId: string, runId: string, options: ProjectOptions): Promise<void> {
  const told = new Map<string, string>()
  const tell = (key: string, state: string, line: string) => {
    if (told.get(key) === state) return
    told.set(key, state)
    say(line)
  }
  for (;;) {
    const run = await api().runs.view.query({ projectId, run: runId })
    tell('run', run.status, `Run #${run.number}: ${run.status}`)
    if (run.waitsFor) tell('run waits', run.waitsFor, `  ${plain(run.waitsFor)}`)
    for (const job of run.jobs) {
      tell(job.id, job.status, `  ${plain(job.name)}: ${job.status}`)
      if (job.waitsFor) tell(`${job.id} waits`, job.waitsFor, `    ${plain(job.waitsFor)}`)
      for (const step of job.steps) {
        if (step.status !== 'pending')
          tell(step.id, step.status, `    ${plain(step.name)}: ${step.status}${took(step)}`)
      }
    }
    if (final.includes(run.status)) {
      if (options.json) printJson(run)
      if (run.status === 'succeeded' || run.status === 'skipped') return
      const failed = run.jobs.find((job) => ['failed', 'timed_out', 'lost'].includes(job.status))
      const why = [
        failed?.reason && reasonOf(failed.reason),
        ...run.problems.filter(({ severity }) => severity === 'error').map(({ message }) => message),
      ].find(Boolean)
      throw new CommandError(
        `Run #${run.number}: ${run.status.replace('_', ' ')}.${why ? ` ${plain(why)}` : ''} See: juanie ${failed ? 'logs' : 'run view'} ${run.number}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
}

async function rerun(named: string, options: ProjectOptions & { failed?: boolean; watch?: boolean }): Promise<void> {
  const { id } = await findProject(options)
  const run = await api().runs.rerun.mutate({
    projectId: id,
    run: reference(named),
    jobs: options.failed ? 'failed' : 'all',
  })
  if (options.watch) return follow(id, run.id, options)
  if (options.json) printJson(run)
  else say(`Run #${run.number} runs again. Follow it: juanie run watch ${run.number}`)
}

async function cancel(named: string, options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const run = await api().runs.cancel.mutate({ projectId: id, run: reference(named) })
  if (options.json) printJson(run)
  else say(`Run #${run.number}: its jobs are asked to end.`)
}
