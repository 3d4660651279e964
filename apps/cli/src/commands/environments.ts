import { plain } from '@juanie/core/text'
import type { EnvironmentStatus } from '@juanie/services/deployments/contract'
import type { Command } from 'commander'
import { api } from '../client.ts'
import { countOf, durationOf } from '../durations.ts'
import { usageError } from '../exit.ts'
import { printJson, printTable, say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions } from '../project.ts'

interface Settings extends ProjectOptions {
  position?: string
  follows?: string
  healthy?: string
  soak?: string
  drain?: string
  startLimit?: string
  probeTimeout?: string
  replicas?: string
}

export function addEnvironmentCommands(program: Command): void {
  const env = program.command('env').description('Environments: where releases run')
  aboutProject(
    env.command('list').description('List environments: what serves, how it is, and the latest attempt'),
  ).action(list)
  withSettings(aboutProject(env.command('create').description('Make an environment')).argument('<name>')).action(create)
  withSettings(
    aboutProject(
      env.command('edit').description('Change an environment; times hold from the next deployment on'),
    ).argument('<name>'),
  ).action(edit)
}

const withSettings = (command: Command): Command =>
  command
    .option('--position <number>', 'place in the order of promotion')
    .option(
      '--follows <branch>',
      'deploy releases of this branch by themselves; "default" for the default branch, "none" for none',
    )
    .option('--healthy <count>', 'good probes in a row before the switch')
    .option('--soak <duration>', 'how long a new version is watched with the old one standing by, e.g. 30s')
    .option('--drain <duration>', 'how long requests under way may take after the switch')
    .option('--start-limit <duration>', 'how long an instance may take to get healthy')
    .option('--probe-timeout <duration>', 'how long one probe may take')
    .option('--replicas <count>', 'instances of each service that has a route')

async function list(options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const rows = await api().deployments.environments.query({ projectId: id })
  if (options.json) return printJson(rows)
  printEnvironments(rows)
}

export function printEnvironments(rows: EnvironmentStatus[]): void {
  printTable(
    ['ENVIRONMENT', 'HEALTH', 'RELEASE', 'DEPLOYMENT', 'LATEST', 'URL'],
    rows.map((row) => [
      row.name,
      row.release === null && row.last === null ? 'never deployed' : row.health,
      row.release ? `#${row.release.number}${row.release.commit ? ` (${row.release.commit.slice(0, 7)})` : ''}` : '-',
      row.deployment ? `#${row.deployment.number}` : '-',
      row.last ? `#${row.last.number} ${row.last.status}` : '-',
      row.url,
    ]),
    'There are no environments.',
  )
  for (const { name, last } of rows) {
    if (last?.waitsFor)
      say(
        `${name}: deployment #${last.number} waits for ${plain(last.waitsFor.what)} (ended by ${plain(last.waitsFor.endedBy)})`,
      )
    if (last?.flagged) say(`${name}: ${plain(last.flagged.message)}`)
    if (last?.reason && last.status !== 'succeeded')
      say(`${name}: deployment #${last.number} ${last.status}: ${plain(last.reason)}`)
  }
}

function settingsOf(options: Settings) {
  const follows = { default: { default: true as const }, none: null }
  return {
    ...(options.position !== undefined && { position: countOf('--position', options.position) ?? undefined }),
    config: {
      ...(options.follows !== undefined && {
        follows:
          options.follows in follows ? follows[options.follows as keyof typeof follows] : { branch: options.follows },
      }),
      ...(options.healthy !== undefined && { healthy: countOf('--healthy', options.healthy) }),
      ...(options.soak !== undefined && { soakMs: durationOf('--soak', options.soak) }),
      ...(options.drain !== undefined && { drainMs: durationOf('--drain', options.drain) }),
      ...(options.startLimit !== undefined && { startLimitMs: durationOf('--start-limit', options.startLimit) }),
      ...(options.probeTimeout !== undefined && {
        probeTimeoutMs: durationOf('--probe-timeout', options.probeTimeout),
      }),
      ...(options.replicas !== undefined && { replicas: countOf('--replicas', options.replicas) }),
    },
  }
}

async function create(name: string, options: Settings): Promise<void> {
  const { id } = await findProject(options)
  const made = await api().environments.create.mutate({ projectId: id, name, ...settingsOf(options) })
  warnOfSamePosition(made)
  if (options.json) printJson(made)
  else say(`Environment ${made.name} is ready at ${made.url}. Deploy to it: juanie deploy ${made.name}`)
}

/** What `edit` can change, by the names of its options. */
const settings = ['position', 'follows', 'healthy', 'soak', 'drain', 'startLimit', 'probeTimeout', 'replicas'] as const

async function edit(name: string, options: Settings, command: Command): Promise<void> {
  if (settings.every((setting) => options[setting] === undefined)) {
    const known = command.options.filter((option) => settings.some((setting) => option.attributeName() === setting))
    throw usageError(
      [
        `Nothing was changed: say what to change in ${name}.`,
        ...known.map(({ flags, description }) => `  ${flags.padEnd(28)} ${description}`),
      ].join('\n'),
    )
  }
  const { id } = await findProject(options)
  const changed = await api().environments.edit.mutate({ projectId: id, environment: name, ...settingsOf(options) })
  warnOfSamePosition(changed)
  if (options.json) printJson(changed)
  else
    say(`Environment ${changed.name} is changed. It holds from the next deployment on: juanie deploy ${changed.name}`)
}

function warnOfSamePosition({
  name,
  position,
  samePosition,
}: {
  name: string
  position: number
  samePosition: string[]
}) {
  if (samePosition.length === 0) return
  const also = samePosition.length === 1 ? `${samePosition[0]} has` : `${samePosition.join(', ')} have`
  say(
    `Warning: ${also} position ${position} too. juanie promote takes the first of them by name, and goes from none to another. Give ${name} its own with --position.`,
  )
}
