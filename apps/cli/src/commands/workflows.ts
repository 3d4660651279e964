import { dirname, resolve } from 'node:path'
import { plain } from '@juanie/core/text'
import type { Command } from 'commander'
import { api } from '../client.ts'
import { CommandError, exitCodes, usageError } from '../exit.ts'
import { printJson, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions } from '../project.ts'
import { readWorkflow, rootOf, workflowFiles } from '../workflows/files.ts'
import { drawGraph } from '../workflows/graph.ts'
import { type Checked, check } from '../workflows/verdict.ts'
import { addWorkflowRunCommand } from './workflow-run.ts'
import { addWorkflowStartCommand } from './workflow-start.ts'

export function addWorkflowCommands(program: Command): void {
  const workflow = program.command('workflow').description('Workflows')
  addWorkflowRunCommand(workflow)
  addWorkflowStartCommand(workflow)
  aboutProject(workflow.command('send').description('Say what has happened outside: fires repository_dispatch'))
    .argument('<type>', 'type of the event')
    .option('--payload <json>', 'what workflows read as github.event.client_payload')
    .action(send)
  workflow
    .command('check')
    .description('Say what of the workflows of this repository would run, and what would not and why; needs no server')
    .argument('[file...]', 'default: those of .juanie/workflows, else of .github/workflows')
    .option('--json', 'print JSON')
    .action(checkFiles)
  workflow
    .command('graph')
    .description('Draw the jobs of the workflows of this repository; needs no server')
    .argument('[file...]', 'default: those of .juanie/workflows, else of .github/workflows')
    .option('--json', 'print JSON')
    .action(drawFiles)
}

async function send(type: string, options: ProjectOptions & { payload?: string }): Promise<void> {
  const { id } = await findProject(options)
  const clientPayload = payloadOf(options.payload ?? '{}')
  const runs = await api().runs.send.mutate({ projectId: id, eventType: type, clientPayload })
  if (options.json) return printJson(runs)
  if (runs.length === 0) return say(`No workflow of the default branch waits for ${plain(type)}.`)
  for (const run of runs) say(`Run #${run.number} is ${run.status}: ${plain(run.workflow)}`)
}

function payloadOf(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw usageError('--payload: must be a JSON object, such as {"version": "1.2"}.')
}

function checkAll(files: string[]): Checked[] {
  const here = process.cwd()
  if (files.length > 0) {
    return files.map((path) => check(rootOf(dirname(resolve(path))), path, readWorkflow(here, path)))
  }
  const root = rootOf(here)
  const paths = workflowFiles(root)
  if (paths.length === 0) {
    throw new CommandError(
      'There is no workflow in .juanie/workflows or .github/workflows. Write one with: juanie init',
    )
  }
  return paths.map((path) => check(root, path, readWorkflow(root, path)))
}

function checkFiles(files: string[], { json }: { json?: boolean }): void {
  const all = checkAll(files)
  const fails = all.some(({ workflow, jobs }) => !workflow || jobs.some(({ verdict }) => verdict === 'blocked'))
  if (fails) process.exitCode = exitCodes.failed
  if (json) {
    printJson(all.map(({ workflow: _, ...rest }) => rest))
    return
  }
  for (const one of all) process.stdout.write(`${describe(one)}\n`)
  const jobs = all.flatMap((one) => one.jobs)
  const count = (verdict: string) => jobs.filter((job) => job.verdict === verdict).length
  const unread = all.filter(({ workflow }) => !workflow).length
  say(
    `${counted(all.length, 'workflow')}${unread > 0 ? `, ${unread} of them cannot be read` : ''}; of ${counted(jobs.length, 'job')} ${count('runs')} run, ` +
      `${count('waits')} wait for an agent with other labels, ${count('blocked')} cannot run.`,
  )
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`

const marks = { runs: 'runs   ', waits: 'waits  ', blocked: 'blocked' }

/** A file in lines for people; what comes from it is made harmless for a terminal. */
function describe({ file, name, starts, waits, problems, jobs, workflow }: Checked): string {
  const lines = [name === null ? plain(file) : `${plain(file)}  ${plain(name)}`]
  if (workflow) {
    if (starts.length > 0) lines.push(`  on ${starts.join(', ')}`)
    if (waits.length > 0) lines.push(`  on ${plain(waits.join(', '))}, once a connected forge tells of it`)
  }
  for (const { id, verdict, notes } of jobs) {
    lines.push(`  ${marks[verdict]}  ${plain(id)}`, ...notes.map((note) => `             ${plain(note)}`))
  }
  for (const { severity, position, message } of problems) {
    const at = position ? `${position.line}:${position.column}: ` : ''
    lines.push(`  ${severity}  ${at}${plain(message)}`)
  }
  return `${lines.join('\n')}\n`
}

function drawFiles(files: string[], { json }: { json?: boolean }): void {
  const all = checkAll(files)
  if (json) {
    printJson(
      all.map(({ file, name, workflow }) => ({
        file,
        name,
        jobs: workflow?.jobs.map(({ id, needs }) => ({ id, needs })) ?? null,
      })),
    )
    return
  }
  for (const { file, name, workflow } of all) {
    process.stdout.write(`${plain(name === null ? file : `${file}  ${name}`)}\n`)
    if (workflow) process.stdout.write(`${drawGraph(workflow.jobs).join('\n')}\n\n`)
    else say('  It cannot be read; see: juanie workflow check\n')
  }
  if (all.some(({ workflow }) => !workflow)) process.exitCode = exitCodes.failed
}
