import { plain } from '@juanie/core/text'
import type { Command } from 'commander'
import { api, call, server } from '../client.ts'
import { CommandError } from '../exit.ts'
import { printJson, printTable, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions, reference } from '../project.ts'
import { printEnvironments } from './environments.ts'

export function addStatusCommand(program: Command): void {
  aboutProject(program.command('status').description('What runs, what is under way, and what each thing waits for'))
    .option('--deployment <deployment>', 'show this deployment: its stages, instances and health evidence')
    .action(status)
}

async function status(options: ProjectOptions & { deployment?: string }): Promise<void> {
  if (options.deployment !== undefined) return showDeployment(options.deployment, options)
  const { url } = server()
  const response = await call(url, `${url}/readyz`)
  const ready = (await response.json().catch(() => ({}))) as Record<string, unknown>
  const project = await findProject(options)
  const environments = await api().deployments.environments.query({ projectId: project.id })
  const { rows } = await api().runs.list.query({ projectId: project.id, limit: 20 })
  const open = []
  for (const run of rows.filter(({ finishedAt }) => finishedAt === null)) {
    const view = await api().runs.view.query({ projectId: project.id, run: run.id })
    const jobs = view.jobs.filter(({ waitsFor }) => waitsFor !== null).map(({ name, waitsFor }) => ({ name, waitsFor }))
    open.push({
      id: view.id,
      number: view.number,
      status: view.status,
      title: view.title,
      waitsFor: view.waitsFor,
      jobs,
    })
  }
  if (options.json)
    return printJson({
      url,
      ready: response.ok,
      checks: ready,
      project: `${project.organization.slug}/${project.slug}`,
      environments,
      runs: open,
    })
  process.stdout.write(`${project.organization.slug}/${project.slug} at ${url}\n\n`)
  printEnvironments(environments)
  for (const run of open) {
    process.stdout.write(`\nRun #${run.number} ${run.status}: ${plain(run.title)}\n`)
    if (run.waitsFor) process.stdout.write(`  ${plain(run.waitsFor)}\n`)
    for (const job of run.jobs) process.stdout.write(`  ${plain(job.name)}: ${plain(job.waitsFor ?? '')}\n`)
  }
  if (open.length === 0) say('\nNo run is under way.')
  if (!response.ok) throw new CommandError(`Juanie is not ready: ${JSON.stringify(ready)}`)
}

async function showDeployment(named: string, options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const view = await api().deployments.view.query({ projectId: id, deployment: reference(named) })
  if (options.json) return printJson(view)
  const from = view.replaces ? `, after #${view.replaces.number}` : ''
  process.stdout.write(
    `Deployment #${view.number}  ${view.status}\n${view.kind} of release #${view.release.number} to ${view.environment.name}${from}\n${view.url}\n`,
  )
  if (view.reason) process.stdout.write(`${plain(view.reason)}\n`)
  if (view.waitsFor) process.stdout.write(`waits for ${plain(view.waitsFor.what)}: ${plain(view.waitsFor.endedBy)}\n`)
  if (view.flagged) process.stdout.write(`${plain(view.flagged.message)}\n`)
  process.stdout.write('\n')
  printTable(
    ['STAGE', 'BEGAN', 'TOOK'],
    view.stages.map(({ name, at, ms }) => [name, at, ms === null ? '-' : `${(ms / 1000).toFixed(2)} s`]),
    'It has not begun.',
  )
  process.stdout.write('\n')
  printTable(
    ['INSTANCE', 'STATE', 'RESTARTS', 'WHY'],
    view.instances.map(({ service, index, state, restarts, reason }) => [
      `${service}.${index}`,
      state,
      String(restarts),
      reason ?? '',
    ]),
    'It has no instances.',
  )
  process.stdout.write('\n')
  const services = new Map(
    view.instances.map(({ id: instanceId, service, index }) => [instanceId, `${service}.${index}`]),
  )
  printTable(
    ['PROBED', 'INSTANCE', 'STAGE', 'RESULT', 'STATUS', 'LATENCY', 'ANSWER'],
    view.evidence.map((probe) => [
      probe.at,
      services.get(probe.instanceId) ?? '-',
      probe.stage,
      probe.good ? 'good' : 'bad',
      probe.status === null ? '-' : String(probe.status),
      `${probe.latencyMs.toFixed(1)} ms`,
      probe.body.split('\n', 1)[0]?.slice(0, 60) ?? '',
    ]),
    'It was not probed yet.',
  )
}
