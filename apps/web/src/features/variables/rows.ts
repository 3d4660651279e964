import type { Change } from '@juanie/services/deployments/contract'
import type { api } from '@/lib/api.ts'
import type { SettingKind } from './rules.ts'

type Variable = Awaited<ReturnType<typeof api.variables.list.query>>[number]
type Secret = Awaited<ReturnType<typeof api.secrets.list.query>>[number]

export interface SettingRow {
  kind: SettingKind
  name: string
  /** Of a variable. A secret has none that anybody could see. */
  value: string | null
  /** Of a secret. */
  version: number | null
  /** Where it is set; null: for the whole project. */
  environment: string | null
  updatedAt: string
  updatedBy: string | null
  /** Environments that set it themselves, where this is the project's. */
  elsewhere: string[]
  /** What runs has another one, or none. Null: the same, or nobody asked. */
  pending: { runs: string | null } | null
}

/**
 * What is set at one place. Of an environment: what holds there, its own before the project's, whichever of the two
 * kinds it is. Of the project: what holds wherever an environment does not set it itself.
 */
export function rowsOf(
  environment: string | null,
  { variables, secrets }: { variables: Variable[]; secrets: Secret[] },
  changes: Change[] = [],
): SettingRow[] {
  const all: SettingRow[] = [
    ...variables.map((one) => ({ ...rest(one), kind: 'variable' as const, value: one.value, version: null })),
    ...secrets.map((one) => ({ ...rest(one), kind: 'secret' as const, value: null, version: one.version })),
  ].map((row) => ({ ...row, elsewhere: [], pending: pendingOf(row, changes) }))
  const byName = grouped(all)
  const shown = [...byName.values()].flatMap((same) => {
    if (environment !== null) return [same.find((row) => row.environment !== null) ?? same[0]!]
    const elsewhere = same.flatMap((row) => (row.environment === null ? [] : [row.environment]))
    return same.filter((row) => row.environment === null).map((row) => ({ ...row, elsewhere }))
  })
  return shown.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const rest = ({ name, environment, updatedAt, updatedBy }: Variable | Secret) => ({
  name,
  environment,
  updatedAt: String(updatedAt),
  updatedBy,
})

const pendingOf = ({ kind, name }: { kind: SettingKind; name: string }, changes: Change[]): SettingRow['pending'] => {
  const found = changes.find((change) => change.subject === kind && change.name === name && change.to !== null)
  return found ? { runs: found.from } : null
}

/** What runs with a setting that is not there any more. */
export const removedOf = (changes: Change[]): Change[] =>
  changes.filter(({ subject, to }) => (subject === 'variable' || subject === 'secret') && to === null)

function grouped(rows: SettingRow[]): Map<string, SettingRow[]> {
  const groups = new Map<string, SettingRow[]>()
  for (const row of rows) groups.set(row.name, [...(groups.get(row.name) ?? []), row])
  return groups
}
