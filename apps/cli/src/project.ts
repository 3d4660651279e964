import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { api } from './client.ts'
import { usageError } from './exit.ts'

const run = promisify(execFile)

/** Options that every command about a project takes. */
export const aboutProject = (command: Command): Command =>
  command
    .option('-p, --project <organization/name>', 'the project; default: the one of the git remote here')
    .option('--json', 'print JSON')

export interface ProjectOptions {
  project?: string
  json?: boolean
}

/** The project that is meant: by option, else by the git remote of the current folder. */
export async function findProject(options: ProjectOptions) {
  const named = options.project ?? (await projectOfRemote())
  if (!named) {
    throw usageError('Which project? Give --project organization/name, or call this inside a clone of its repository.')
  }
  const [organization = '', project = '', ...more] = named.split('/')
  if (!organization || !project || more.length > 0)
    throw usageError(`--project: "${named}" is not of the form organization/name.`)
  return api().projects.find.query({ organization, project })
}

/** Remotes look like `http://host/git/<organization>/<project>.git`; `origin` is looked at first. */
async function projectOfRemote(): Promise<string | null> {
  let remotes: string
  try {
    remotes = (await run('git', ['remote', '-v'], { timeout: 5_000 })).stdout
  } catch {
    return null
  }
  const lines = remotes.split('\n').sort((a, b) => Number(b.startsWith('origin\t')) - Number(a.startsWith('origin\t')))
  for (const line of lines) {
    const found = /\/git\/([a-z0-9-]+)\/([a-z0-9-]+?)(?:\.git)?\/?\s/.exec(line)
    if (found) return `${found[1]}/${found[2]}`
  }
  return null
}

/** The organization that is meant: by option, else the only one. */
export async function findOrganization(slug: string | undefined) {
  if (slug) return api().organizations.find.query({ slug })
  const { rows } = await api().organizations.list.query({ limit: 2 })
  const [only, another] = rows
  if (only && !another) return only
  throw usageError(
    only
      ? 'You belong to several organizations. Say which: --org <name>, see juanie org list.'
      : 'You belong to no organization. Make one: juanie org create <name>',
  )
}

/** A run, release or deployment as people name it: its number, or its id. */
export function reference(text: string): number | string {
  if (/^#?\d{1,9}$/.test(text)) return Number(text.replace('#', ''))
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(text)) return text
  throw usageError(`"${text}" is neither a number nor an id.`)
}

/** All pages of a list. */
export async function everyPage<T>(
  page: (after: string | undefined) => Promise<{ rows: T[]; next: string | null }>,
): Promise<T[]> {
  const rows: T[] = []
  for (let after: string | undefined; ; ) {
    const { rows: more, next } = await page(after)
    rows.push(...more)
    if (!next) return rows
    after = next
  }
}

/** `--limit`: how many rows of a list to show. */
export function limitOf(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw usageError(`--limit: "${text}" is not a whole number from 1 to 1000.`)
  return limit
}

/** The first `limit` rows of a list that comes in pages. */
export async function firstRows<T>(
  limit: number,
  page: (input: { after?: string; limit: number }) => Promise<{ rows: T[]; next: string | null }>,
): Promise<T[]> {
  const rows: T[] = []
  for (let after: string | undefined; rows.length < limit; ) {
    const found = await page({ after, limit: Math.min(100, limit - rows.length) })
    rows.push(...found.rows)
    if (!found.next) break
    after = found.next
  }
  return rows
}
