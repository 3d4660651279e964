import { roles } from '@juanie/services/organizations/policy'
import { type Command, Option } from 'commander'
import { api } from '../client.ts'
import { printJson, printTable, say } from '../output.ts'
import { everyPage, findOrganization } from '../project.ts'

export function addOrganizationCommands(program: Command): void {
  const org = program.command('org').description('Organizations and who belongs to them')
  org.command('list').description('List your organizations').option('--json', 'print JSON').action(list)
  org
    .command('create')
    .description('Make an organization; you become its owner')
    .argument('<name>', 'as it stands in addresses: a-z, 0-9 and -')
    .option('--json', 'print JSON')
    .action(create)
  org
    .command('invite')
    .description('Invite somebody; prints a link that is shown once')
    .argument('<email>')
    .addOption(new Option('--role <role>').choices([...roles]).makeOptionMandatory())
    .option('--org <name>', 'the organization; default: your only one')
    .option('--json', 'print JSON')
    .action(invite)
  org
    .command('actions')
    .description('Show or set which actions workflows may use')
    .addOption(new Option('--any', 'allow every action').conflicts(['pinned', 'allow']))
    .addOption(new Option('--pinned', 'allow only actions that are pinned to a commit').conflicts(['any', 'allow']))
    .addOption(new Option('--allow <names...>', 'allow only these owners, or owner/name').conflicts(['any', 'pinned']))
    .option('--org <name>', 'the organization; default: your only one')
    .option('--json', 'print JSON')
    .action(actions)
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const rows = await everyPage((after) => api().organizations.list.query({ after }))
  if (json) return printJson(rows)
  printTable(
    ['NAME', 'ROLE', 'ID'],
    rows.map((row) => [row.slug, row.role, row.id]),
    'You belong to no organization. Make one: juanie org create <name>',
  )
}

async function create(slug: string, { json }: { json?: boolean }): Promise<void> {
  const made = await api().organizations.create.mutate({ slug })
  if (json) printJson(made)
  else say(`Organization ${made.slug} is ready. Make a project in it: juanie project create <name> --org ${made.slug}`)
}

async function invite(
  email: string,
  options: { role: (typeof roles)[number]; org?: string; json?: boolean },
): Promise<void> {
  const organization = await findOrganization(options.org)
  const invitation = await api().organizations.invite.mutate({
    organizationId: organization.id,
    email,
    role: options.role,
  })
  if (options.json) return printJson(invitation)
  process.stdout.write(`${invitation.url}\n`)
  say(
    `Give this link to ${email} alone. It works once, until ${new Date(invitation.expiresAt).toISOString().slice(0, 10)}.`,
  )
}

async function actions(options: {
  any?: true
  pinned?: true
  allow?: string[]
  org?: string
  json?: boolean
}): Promise<void> {
  const { id: organizationId, slug } = await findOrganization(options.org)
  const mode = options.any ? 'any' : options.pinned ? 'pinned' : options.allow ? 'listed' : null
  const policy =
    mode === null
      ? await api().actions.policy.query({ organizationId })
      : await api().actions.setPolicy.mutate({ organizationId, mode, allowed: options.allow ?? [] })
  if (options.json) return printJson(policy)
  if (policy.mode === 'any') say(`Workflows of ${slug} may use every action.`)
  else if (policy.mode === 'pinned') say(`Workflows of ${slug} may use actions that are pinned to a commit.`)
  else say(`Workflows of ${slug} may use actions of ${policy.allowed.join(', ')}, and those of ${slug} itself.`)
}
