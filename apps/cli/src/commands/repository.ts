import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { plain } from '@juanie/core/text'
import { defaultWorkflow } from '@juanie/workflow'
import type { Command } from 'commander'
import { api } from '../client.ts'
import { CommandError } from '../exit.ts'
import { printJson, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions } from '../project.ts'
import { workflowFiles } from '../workflows/files.ts'
import { addConnectionCommands, showConnection } from './connections.ts'

export function addRepositoryCommands(program: Command): void {
  const repo = program.command('repo').description('The repository of a project')
  aboutProject(repo.command('view').description('Show its address, branches and tags')).action(view)
  addConnectionCommands(repo)
  program
    .command('init')
    .description('Write the workflow that Juanie would use here into .juanie/workflows')
    .option('--json', 'print JSON')
    .action(init)
}

async function view(options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const repository = await api().repositories.view.query({ projectId: id })
  if (options.json) return printJson(repository)
  process.stdout.write(`${repository.cloneUrl}\n`)
  if (repository.kind === 'connected') await showConnection(id)
  if (repository.branches.length === 0) {
    return say(
      repository.kind === 'connected'
        ? 'Nothing was fetched yet.'
        : `It is empty. Push to it: git push ${repository.cloneUrl} main`,
    )
  }
  for (const { name, commit } of repository.branches) {
    process.stdout.write(
      `branch  ${commit.slice(0, 12)}  ${plain(name)}${name === repository.defaultBranch ? '  (default)' : ''}\n`,
    )
  }
  for (const { name, commit } of repository.tags)
    process.stdout.write(`tag     ${commit.slice(0, 12)}  ${plain(name)}\n`)
}

function init({ json }: { json?: boolean }): void {
  const folder = process.cwd()
  const [there] = workflowFiles(folder)
  if (there) throw new CommandError(`There is a workflow already: ${there}`)
  const names = readdirSync(folder)
  const { file, text } = defaultWorkflow({
    names,
    packageJson: readIfThere(join(folder, 'package.json')),
    pyproject: readIfThere(join(folder, 'pyproject.toml')),
  })
  const target = join('.juanie/workflows', file.split('/').at(-1) ?? 'ci.yml')
  mkdirSync(dirname(join(folder, target)), { recursive: true })
  writeFileSync(join(folder, target), text, { flag: 'wx' })
  if (json) printJson({ file: target })
  else say(`Wrote ${target}. Change it as you like, then commit and push it.`)
}

function readIfThere(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}
