import type { Command } from 'commander'
import { api, call, server } from '../client.ts'
import { CommandError } from '../exit.ts'
import { plain, printJson, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions } from '../project.ts'
import { printEnvironments } from './environments.ts'

export function addStatusCommand(program: Command): void {
  aboutProject(
    program.command('status').description('What runs, what is under way, and what each thing waits for'),
  ).action(status)
}

async function status(options: ProjectOptions): Promise<void> {
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
