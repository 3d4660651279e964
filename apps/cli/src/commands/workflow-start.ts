import type { Command } from 'commander'
import { api } from '../client.ts'
import { printJson, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions } from '../project.ts'
import { collect, pairs } from '../workflows/run-values.ts'
import { follow } from './runs.ts'

export interface StartOptions extends ProjectOptions {
  ref?: string
  field?: string[]
  watch?: boolean
}

export function addWorkflowStartCommand(workflow: Command): void {
  aboutProject(workflow.command('start').description('Start a workflow that lists workflow_dispatch, on the server'))
    .argument('[workflow]', 'its file or name; may be left out where there is only one')
    .option('--ref <branch or tag>', 'default: the default branch')
    .option('-f, --field <name=value>', 'an input; may be given several times', collect)
    .option('--watch', 'follow it to its end')
    .action(startWorkflow)
}

export async function startWorkflow(workflow: string | undefined, options: StartOptions): Promise<void> {
  const inputs = pairs('--field', options.field ?? [])
  const { id } = await findProject(options)
  const run = await api().runs.dispatch.mutate({ projectId: id, workflow, ref: options.ref, inputs })
  if (options.watch) return follow(id, run.id, options)
  if (options.json) printJson(run)
  else say(`Run #${run.number} is queued. Follow it: juanie run watch ${run.number}`)
}
