export type SettingKind = 'variable' | 'secret'

/** What the server takes; a test holds these to its contract. */
export const longestName = 200
export const mostValueBytes = 64 * 1024

export type NameProblem = 'characters' | 'reserved' | 'long'

export function nameProblem(name: string): NameProblem | null {
  if (name.length > longestName) return 'long'
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'characters'
  return ['PORT', 'HOST'].includes(name) || name.startsWith('JUANIE_') ? 'reserved' : null
}

export type ValueProblem = 'large' | 'nul'

export function valueProblem(value: string): ValueProblem | null {
  if (new TextEncoder().encode(value).length > mostValueBytes) return 'large'
  return value.includes('\0') ? 'nul' : null
}
