import { plain } from '@juanie/core/text'
import { providers } from '@juanie/services/connections/contract'
import { verdicts } from '@juanie/services/webhooks/contract'
import { type Command, Option } from 'commander'
import { api } from '../client.ts'
import { usageError } from '../exit.ts'
import { ago, printJson, printTable, say } from '../output.ts'
import { aboutProject, findProject, firstRows, limitOf, type ProjectOptions } from '../project.ts'
import { readStdin } from '../stdin.ts'

type ConnectOptions = ProjectOptions & {
  provider?: (typeof providers)[number]
  tokenStdin?: boolean
  username?: string
}

/** `repo connect`, `repo disconnect`, `repo sync`, `repo webhook`. */
export function addConnectionCommands(repo: Command): void {
  aboutProject(repo.command('connect').description('Take the code from a repository elsewhere'))
    .argument('<url>', 'its http or https address, such as https://github.com/acme/shop')
    .addOption(new Option('--provider <provider>', 'what runs there; default: by the host').choices(providers))
    .option('--token-stdin', 'read an access token from standard input')
    .option('--username <name>', 'sign in with this name, and a password from standard input')
    .addHelpText(
      'after',
      '\nExample:\n  printf %s "$TOKEN" | juanie repo connect https://github.com/acme/shop --token-stdin',
    )
    .action(connect)
  aboutProject(
    repo.command('disconnect').description('Host the repository here from now on, with what was fetched'),
  ).action(disconnect)
  aboutProject(repo.command('sync').description('Look at the connected repository now')).action(sync)
  aboutProject(repo.command('webhook').description('Give the webhook a new secret, shown once')).action(renew)
}

/** `delivery list`, `delivery view`, `delivery replay`. */
export function addDeliveryCommands(program: Command): void {
  const delivery = program.command('delivery').description('Webhook calls as they arrived')
  aboutProject(delivery.command('list').description('List them, newest first'))
    .addOption(new Option('--verdict <verdict>', 'what became of them').choices(verdicts))
    .option('--limit <number>', 'how many', '20')
    .action(list)
  aboutProject(delivery.command('view').description('Show one as it arrived')).argument('<id>').action(view)
  aboutProject(delivery.command('replay').description('Act on one again')).argument('<id>').action(replay)
}

async function connect(url: string, options: ConnectOptions): Promise<void> {
  if (options.tokenStdin && options.username !== undefined) {
    throw usageError('Give --token-stdin or --username, not both.')
  }
  const { id } = await findProject(options)
  const credential = options.tokenStdin
    ? { kind: 'token' as const, token: await readStdin() }
    : options.username === undefined
      ? { kind: 'none' as const }
      : { kind: 'password' as const, username: options.username, password: await readStdin() }
  const made = await api().connections.connect.mutate({ projectId: id, url, provider: options.provider, credential })
  if (options.json) return printJson(made)
  const { connection, webhookSecret } = made
  say(`Connected to ${connection.url}. Its default branch begins with a run: juanie run watch`)
  if (connection.webhookUrl && webhookSecret) sayWebhook(connection.webhookUrl, webhookSecret)
  else if (!connection.webhookUrl) say('It tells of nothing by itself: it is looked at every minute or so.')
}

function sayWebhook(url: string, secret: string): void {
  say('So that pushes start their runs at once, add a webhook there, for push events, as application/json:')
  process.stdout.write(`  address  ${url}\n  secret   ${secret}\n`)
  say('The secret is not shown again; `juanie repo webhook` makes another.')
}

async function disconnect(options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  await api().connections.disconnect.mutate({ projectId: id })
  if (options.json) printJson({ connected: false })
  else say('The repository is hosted here from now on. Remove the webhook over there.')
}

async function sync(options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  await api().connections.lookSoon.mutate({ projectId: id })
  if (options.json) printJson({ asked: true })
  else say('It is looked at within seconds.')
}

async function renew(options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const { webhookSecret } = await api().connections.renewWebhookSecret.mutate({ projectId: id })
  const connection = await api().connections.find.query({ projectId: id })
  if (options.json) return printJson({ webhookUrl: connection?.webhookUrl ?? null, webhookSecret })
  if (connection?.webhookUrl) sayWebhook(connection.webhookUrl, webhookSecret)
}

/** Where the code of a connected project lies, and how it stands with it. */
export async function showConnection(projectId: string): Promise<void> {
  const connection = await api().connections.find.query({ projectId })
  if (!connection) return
  const { url, provider, syncedAt, heardAt, webhookUrl, failure, failedSince } = connection
  process.stdout.write(`from    ${plain(url)} (${provider})\n`)
  process.stdout.write(`looked  ${syncedAt ? ago(syncedAt) : 'not yet'}\n`)
  if (webhookUrl) process.stdout.write(`heard   ${heardAt ? ago(heardAt) : 'no webhook came yet'}\n`)
  if (failure) process.stdout.write(`fails   since ${ago(failedSince!)}: ${plain(failure)}\n`)
}

async function list(options: ProjectOptions & { verdict?: (typeof verdicts)[number]; limit: string }): Promise<void> {
  const { id } = await findProject(options)
  const rows = await firstRows(limitOf(options.limit), (page) =>
    api().deliveries.list.query({ projectId: id, verdict: options.verdict, ...page }),
  )
  if (options.json) return printJson(rows)
  printTable(
    ['ID', 'EVENT', 'REF', 'VERDICT', 'RUNS', 'CAME', 'WHY'],
    rows.map((row) => [
      row.id,
      plain(row.event),
      plain(row.ref ?? '-'),
      row.verdict ?? (row.attempts > 0 ? 'trying again' : 'waiting'),
      row.runs.map((number) => `#${number}`).join(' ') || '-',
      ago(row.receivedAt),
      plain(row.reason ?? ''),
    ]),
    'No webhook came yet. `juanie repo view` says where the repository lies.',
  )
}

async function view(delivery: string, options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const shown = await api().deliveries.view.query({ projectId: id, id: delivery })
  if (options.json) return printJson(shown)
  const { event, verdict, reason, headers, body, isCut } = shown
  process.stdout.write(`${plain(event)}: ${verdict ?? 'waiting'}${reason ? `, ${plain(reason)}` : ''}\n\n`)
  for (const [name, value] of Object.entries(headers)) process.stdout.write(`${plain(name)}: ${plain(value)}\n`)
  process.stdout.write(`\n${plain(body)}\n`)
  if (isCut) say('Only its beginning is shown.')
}

async function replay(delivery: string, options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const made = await api().deliveries.replay.mutate({ projectId: id, id: delivery })
  if (options.json) printJson(made)
  else say(`It was acted on again: juanie delivery view ${made.id}`)
}
