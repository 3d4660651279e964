import { plain } from '@juanie/core/text'
import type { Command } from 'commander'
import { api } from '../client.ts'
import { ago, printJson, printTable } from '../output.ts'
import { aboutProject, findProject, limitOf, type ProjectOptions, reference } from '../project.ts'

export function addReleaseCommands(program: Command): void {
  const release = program.command('release').description('Releases: what can be deployed')
  aboutProject(release.command('list').description('List releases, newest first'))
    .option('--limit <number>', 'how many', '20')
    .action(list)
  aboutProject(release.command('view').description('Show a release and what is in it'))
    .argument('<release>', 'number or id')
    .action(view)
}

async function list(options: ProjectOptions & { limit: string }): Promise<void> {
  const { id } = await findProject(options)
  const limit = limitOf(options.limit)
  const rows = []
  for (let after: number | undefined; rows.length < limit; ) {
    const page = await api().releases.list.query({ projectId: id, after, limit: Math.min(100, limit - rows.length) })
    rows.push(...page.rows)
    if (page.next === null) break
    after = page.next
  }
  if (options.json) return printJson(rows)
  printTable(
    ['RELEASE', 'NAME', 'COMMIT', 'RUN', 'BY', 'DIGEST', 'WHEN'],
    rows.map((row) => [
      `#${row.number}`,
      row.name ?? '-',
      row.commit?.slice(0, 7) ?? '-',
      row.run ? `#${row.run.number}` : '-',
      row.createdBy ?? '-',
      row.digest.slice(7, 19),
      ago(row.createdAt),
    ]),
    'There are no releases yet. A run makes one with juanie/release; or pack a folder: juanie deploy dev --from <folder>',
  )
}

async function view(named: string, options: ProjectOptions): Promise<void> {
  const { id } = await findProject(options)
  const release = await api().releases.view.query({ projectId: id, release: reference(named) })
  if (options.json) return printJson(release)
  const { application } = release
  process.stdout.write(
    `Release #${release.number}${release.name ? `  ${plain(release.name)}` : ''}\n` +
      `bundle       ${release.digest}${release.bytes === null ? '' : ` (${release.bytes} bytes)`}\n` +
      `commit       ${release.commit ?? '-'}\nrun          ${release.run ? `#${release.run.number}` : '-'}\n` +
      `made         ${ago(release.createdAt)}${release.createdBy ? ` by ${plain(release.createdBy)}` : ''}\n` +
      `application  ${application.kind}${application.entry ? ` (${plain(application.entry)})` : ''}\n`,
  )
  for (const sentence of Object.values(application.detected)) process.stdout.write(`  ${plain(sentence)}\n`)
  for (const { path, reason } of application.notHonoured)
    process.stdout.write(`not honoured: ${plain(path)}: ${plain(reason)}\n`)
  for (const { severity, message } of application.problems) process.stdout.write(`${severity}: ${plain(message)}\n`)
}
