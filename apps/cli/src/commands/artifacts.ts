import { createWriteStream } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { plain } from '@juanie/core/text'
import type { ArtifactView } from '@juanie/services/artifacts/contract'
import type { Command } from 'commander'
import { api, refusalOf, server } from '../client.ts'
import { CommandError } from '../exit.ts'
import { ago, printJson, printTable, say } from '../output.ts'
import { aboutProject, findProject, firstRows, limitOf, type ProjectOptions } from '../project.ts'
import { folderOf, unpack } from '../unpack.ts'
import { findRun } from './runs.ts'

const connectMs = 60_000

/** `run artifacts`, `run download`, `cache …`. */
export function addArtifactCommands(program: Command): void {
  const run = program.commands.find((each) => each.name() === 'run')!
  aboutProject(run.command('artifacts').description('List the artifacts of a run'))
    .argument('[run]', 'number or id; default: the newest')
    .action(list)
  aboutProject(run.command('download').description('Download the artifacts of a run and unpack them'))
    .argument('[run]', 'number or id; default: the newest')
    .option('-n, --name <name>', 'this artifact alone; without it each gets a folder of its name')
    .option('-d, --dir <folder>', 'where to', '.')
    .action(download)
  const cache = program.command('cache').description('Caches that runs keep')
  aboutProject(cache.command('list').description('List caches, newest first'))
    .option('--key <beginning>', 'whose key begins so')
    .option('--ref <ref>', 'written by this branch, tag or pull request')
    .option('--limit <number>', 'how many', '50')
    .action(listCaches)
  aboutProject(cache.command('delete').description('Delete caches'))
    .argument('[key]', 'all whose key begins so')
    .option('--ref <ref>', 'only those written by this branch, tag or pull request')
    .option('--all', 'every cache of the project')
    .action(deleteCaches)
}

async function artifactsOf(named: string | undefined, options: ProjectOptions) {
  const { id } = await findProject(options)
  const run = await findRun(id, named)
  const rows: ArtifactView[] = []
  let after: string | undefined
  do {
    const page = await api().artifacts.list.query({ projectId: id, run: run.id, after, limit: 100 })
    rows.push(...page.rows)
    after = page.next ?? undefined
  } while (after !== undefined)
  return { projectId: id, run, rows }
}

async function list(named: string | undefined, options: ProjectOptions): Promise<void> {
  const { rows, run } = await artifactsOf(named, options)
  if (options.json) return printJson(rows)
  printTable(
    ['NAME', 'SIZE', 'JOB', 'MADE', 'KEPT UNTIL'],
    rows.map((row) => [row.name, sizeOf(row.bytes), row.job ?? '-', ago(row.createdAt), row.expiresAt.slice(0, 10)]),
    `Run #${run.number} has no artifacts.`,
  )
}

async function download(
  named: string | undefined,
  options: ProjectOptions & { name?: string; dir: string },
): Promise<void> {
  const { projectId, rows, run } = await artifactsOf(named, options)
  // Of several attempts that made one name, the newest.
  const newest = new Map(rows.toReversed().map((row) => [row.name, row]))
  const wanted = options.name === undefined ? [...newest.values()] : [newest.get(options.name)].filter((row) => !!row)
  if (wanted.length === 0) {
    throw new CommandError(
      options.name === undefined
        ? `Run #${run.number} has no artifacts.`
        : `Run #${run.number} has no artifact "${options.name}". It has: ${[...newest.keys()].join(', ') || 'none'}.`,
    )
  }
  const done: { name: string; folder: string; files: number }[] = []
  for (const artifact of wanted) {
    const folder = options.name === undefined ? folderOf(options.dir, artifact.name) : resolve(options.dir)
    done.push({ name: artifact.name, folder, files: await fetchInto(projectId, artifact, folder) })
  }
  if (options.json) return printJson(done)
  for (const { name, folder, files } of done) {
    say(plain(`${name}: ${files} ${files === 1 ? 'file' : 'files'} in ${folder}`))
  }
}

async function fetchInto(projectId: string, artifact: ArtifactView, folder: string): Promise<number> {
  const { url, token } = server()
  const abort = new AbortController()
  const limit = setTimeout(() => abort.abort(), connectMs)
  const answer = await fetch(`${url}/api/projects/${projectId}/artifacts/${artifact.id}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: abort.signal,
  })
  clearTimeout(limit)
  if (!answer.ok || !answer.body) throw new CommandError(await refusalOf(answer))
  await mkdir(folder, { recursive: true })
  const temporary = await mkdtemp(join(tmpdir(), 'juanie-artifact-'))
  try {
    const file = join(temporary, 'artifact')
    await pipeline(
      Readable.fromWeb(answer.body as ReadableStream),
      createWriteStream(file, { flags: 'wx', mode: 0o600 }),
    )
    if (artifact.mimeType === 'application/zip') return await unpack(file, folder)
    await moveTo(file, folderOf(folder, artifact.name))
    return 1
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** The temporary folder may lie on another disk. */
async function moveTo(file: string, target: string): Promise<void> {
  await rename(file, target).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EXDEV') throw error
    await copyFile(file, target)
  })
}

interface CacheOptions extends ProjectOptions {
  key?: string
  ref?: string
}

async function listCaches(options: CacheOptions & { limit: string }): Promise<void> {
  const { id } = await findProject(options)
  const { key, ref } = options
  const rows = await firstRows(limitOf(options.limit), (page) =>
    api().caches.list.query({ projectId: id, key, ref: ref && fullRef(ref), ...page }),
  )
  if (options.json) return printJson(rows)
  printTable(
    ['KEY', 'REF', 'SIZE', 'MADE', 'USED'],
    rows.map((row) => [row.key, row.ref, sizeOf(row.bytes), ago(row.createdAt), ago(row.usedAt)]),
    'There are no caches.',
  )
  const use = await api().caches.use.query({ projectId: id })
  say(`${use.count} ${use.count === 1 ? 'cache' : 'caches'}, ${sizeOf(use.bytes)} of ${sizeOf(use.maxBytes)}.`)
}

async function deleteCaches(key: string | undefined, options: CacheOptions & { all?: boolean }): Promise<void> {
  const { id } = await findProject(options)
  const input = { key: options.all ? '' : key, ref: options.ref && fullRef(options.ref) }
  const { removed } = await api().caches.remove.mutate({ projectId: id, ...input })
  if (options.json) return printJson({ removed })
  say(`Deleted ${removed} ${removed === 1 ? 'cache' : 'caches'}.`)
}

const fullRef = (ref: string): string => (ref.startsWith('refs/') ? ref : `refs/heads/${ref}`)

function sizeOf(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
