import { createHash } from 'node:crypto'
import { maybeOne, type Transaction } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { routes } from './tables.ts'

const maxLabel = 63

interface HostnameParts {
  organization: string
  project: string
  environment: string
}

/**
 * The names that an environment's hostname may have, best first: one label each, so that one wildcard record and
 * certificate serve all. `a-b` in `c` and `a` in `b-c` ask for the same first one.
 */
function labelsOf({ organization, project, environment }: HostnameParts): string[] {
  const short = `${project}-${environment}`
  const long = `${short}-${organization}`
  // A slash is in no name, so this text is of one environment alone.
  const mark = createHash('sha256').update(`${organization}/${project}/${environment}`).digest('hex').slice(0, 8)
  const unique = `${long.slice(0, maxLabel - mark.length - 1).replace(/-+$/, '')}-${mark}`
  return [short, long, unique].filter((label) => label.length <= maxLabel)
}

/** Gives an environment its default hostname. Two that ask for one name at once get different ones. */
export async function claimHostname(
  tx: Transaction,
  owner: { projectId: string; environmentId: string },
  names: HostnameParts & { baseDomain: string /** Of Juanie itself. */; reserved: string },
): Promise<string> {
  for (const label of labelsOf(names)) {
    const hostname = `${label}.${names.baseDomain}`
    if (hostname === names.reserved) continue
    const row = await maybeOne(
      tx
        .insert(routes)
        .values({ ...owner, hostname, isDefault: true })
        .onConflictDoNothing({ target: routes.hostname })
        .returning({ hostname: routes.hostname }),
    )
    if (row) return row.hostname
  }
  throw new AppError('conflict', 'route.hostname_taken', {
    message: `No hostname is free for ${names.project} in ${names.environment}. Choose another name for the environment.`,
  })
}
