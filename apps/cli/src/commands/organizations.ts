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
