import type { Command } from 'commander'
import { api } from '../client.ts'
import { usageError } from '../exit.ts'
import { ago, printJson, printTable, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions } from '../project.ts'
import { readValue } from '../stdin.ts'

type Options = ProjectOptions & { env?: string; file?: string; allowEmpty?: boolean }

export function addSettingCommands(program: Command): void {
  for (const kind of ['variable', 'secret'] as const) {
    const command = program
      .command(kind)
      .description(
        kind === 'secret'
          ? 'Secrets: encrypted, masked in logs, never shown again. A change holds from the next deployment on'
          : 'Variables of applications and workflows. A change holds from the next deployment on',
      )
    const withEnvironment = (each: Command) =>
      aboutProject(each).option('-e, --env <environment>', 'for this environment alone; default: for the whole project')
    withEnvironment(command.command('set').description('Set a value, read from standard input or a file'))
      .argument('<name>')
      .option('--file <file>', 'read the value from this file instead of standard input')
      .option('--allow-empty', 'take an empty value; without it one is refused, for it is mostly a mistake')
      .action((name: string, options: Options) => set(kind, name, options))
    withEnvironment(command.command('list').description(`List ${kind}s`)).action((options: Options) =>
      list(kind, options),
    )
    withEnvironment(command.command('delete').description(`Delete a ${kind}`))
      .argument('<name>')
      .action((name: string, options: Options) => remove(kind, name, options))
  }
}

const routerOf = (kind: 'variable' | 'secret') => (kind === 'secret' ? api().secrets : api().variables)

async function set(kind: 'variable' | 'secret', name: string, options: Options): Promise<void> {
  const value = await readValue(options.file)
  if (value === '' && !options.allowEmpty) {
    throw usageError(
      `${name} was not set: ${options.file ? `${options.file} is empty` : 'nothing came on standard input'}. Pipe the value in: printf %s "$VALUE" | juanie ${kind} set ${name}. If it is to be empty, say so with --allow-empty.`,
    )
  }
  const { id } = await findProject(options)
  const made = await routerOf(kind).set.mutate({ projectId: id, environment: options.env, name, value })
  if (options.json) printJson(made)
  else say(`${name} is set. It holds from the next deployment on: juanie deploy ${options.env ?? '<environment>'}`)
}

async function list(kind: 'variable' | 'secret', options: Options): Promise<void> {
  const { id } = await findProject(options)
  const input = { projectId: id, environment: options.env }
  if (kind === 'variable') {
    const rows = await api().variables.list.query(input)
    if (options.json) return printJson(rows)
    return printTable(
      ['NAME', 'VALUE', 'FOR', 'CHANGED'],
      rows.map((row) => [row.name, row.value, row.environment ?? 'all', ago(row.updatedAt)]),
      hint(kind),
    )
  }
  const rows = await api().secrets.list.query(input)
  if (options.json) return printJson(rows)
  printTable(
    ['NAME', 'VERSION', 'FOR', 'CHANGED'],
    rows.map((row) => [row.name, String(row.version), row.environment ?? 'all', ago(row.updatedAt)]),
    hint(kind),
  )
}

const hint = (kind: string) => `There are no ${kind}s yet. Set one: printf %s "$VALUE" | juanie ${kind} set <name>`

async function remove(kind: 'variable' | 'secret', name: string, options: Options): Promise<void> {
  const { id } = await findProject(options)
  const gone = await routerOf(kind).delete.mutate({ projectId: id, environment: options.env, name })
  if (options.json) printJson(gone)
  else say(`${name} is deleted. What runs keeps it until the next deployment.`)
}
