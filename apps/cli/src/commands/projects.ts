import { templateNames } from '@juanie/services/templates/contract'
import { type Command, Option } from 'commander'
import { api } from '../client.ts'
import { ago, printJson, printTable, say } from '../output.ts'
import { aboutProject, everyPage, findOrganization, findProject, type ProjectOptions } from '../project.ts'

export function addProjectCommands(program: Command): void {
  const project = program.command('project').description('Projects')
  project
    .command('create')
    .description('Make a project with its repository and the environments dev, staging and production')
    .argument('<name>', 'as it stands in addresses: a-z, 0-9 and -')
    .addOption(
      new Option('--template <template>', 'what its repository begins with')
        .choices([...templateNames])
        .default('empty'),
    )
    .option('--org <name>', 'the organization; default: your only one')
    .option('--json', 'print JSON')
    .action(create)
  project
    .command('list')
    .description('List the projects of your organizations')
    .option('--org <name>', 'of this one alone')
    .option('--json', 'print JSON')
    .action(list)
  aboutProject(project.command('view').description('Show a project')).argument('[organization/name]').action(view)
  aboutProject(project.command('set').description('Change how a project works'))
    .addOption(
      new Option('--release-green-commits <on or off>', 'release commits whose runs succeeded without a release')
        .choices(['on', 'off'])
        .makeOptionMandatory(),
    )
    .action(set)
}

async function create(
  slug: string,
  options: { template: (typeof templateNames)[number]; org?: string; json?: boolean },
): Promise<void> {
  const organization = await findOrganization(options.org)
  const made = await api().projects.create.mutate({ organizationId: organization.id, slug, template: options.template })
  if (options.json) return printJson({ id: made.id, slug: made.slug, cloneUrl: made.cloneUrl })
  process.stdout.write(`${made.cloneUrl}\n`)
  say(
    options.template === 'empty'
      ? `Push to it:\n  git remote add origin ${made.cloneUrl}\n  git push origin main\nGit asks for a password: give a token, see juanie token create.`
      : `Clone it, change it, push it:\n  git clone ${made.cloneUrl}\nGit asks for a password: give a token, see juanie token create.`,
  )
}

async function list({ org, json }: { org?: string; json?: boolean }): Promise<void> {
  const organizations = org
    ? [await api().organizations.find.query({ slug: org })]
    : await everyPage((after) => api().organizations.list.query({ after }))
  const rows = []
  for (const { id } of organizations) {
    rows.push(...(await everyPage((after) => api().projects.list.query({ organizationId: id, after }))))
  }
  if (json) return printJson(rows)
  printTable(
    ['PROJECT', 'MADE', 'CLONE'],
    rows.map((row) => [`${row.organization.slug}/${row.slug}`, ago(row.createdAt), row.cloneUrl]),
    'There are no projects yet. Make one: juanie project create <name> --template node',
  )
}

async function view(named: string | undefined, options: ProjectOptions): Promise<void> {
  const found = await findProject({ ...options, project: named ?? options.project })
  if (options.json) return printJson({ id: found.id, slug: found.slug, cloneUrl: found.cloneUrl })
  process.stdout.write(`${found.organization.slug}/${found.slug}\nid     ${found.id}\nclone  ${found.cloneUrl}\n`)
}

async function set(options: ProjectOptions & { releaseGreenCommits: 'on' | 'off' }): Promise<void> {
  const { id } = await findProject(options)
  const releasesGreenCommits = options.releaseGreenCommits === 'on'
  const changed = await api().projects.update.mutate({ projectId: id, releasesGreenCommits })
  if (options.json) return printJson({ id, slug: changed.slug, releasesGreenCommits })
  say(
    releasesGreenCommits
      ? 'A commit whose runs succeeded, and made no release, is released by itself.'
      : 'Only workflows and people make releases.',
  )
}
