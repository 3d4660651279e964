import type { Change, ChangeSetting } from '@juanie/services/deployments/contract'
import type { ComposerTranslation } from 'vue-i18n'
import { formatBytes, formatDuration } from '@/lib/times.ts'

/** What a change is about, in the words of the language. */
export function labelOf(change: Change, t: ComposerTranslation): string {
  const { subject, service, name } = change
  if (subject === 'setting') return t(`deployments.setting.${name as ChangeSetting}`)
  return t(`deployments.change.${subject}`, { name: name ?? service ?? '' })
}

/** A value of it; null where there is none. */
export function shownOf({ subject, unit }: Change, value: string | null, t: ComposerTranslation): string | null {
  if (value === null) return null
  if (unit === 'ms') return formatDuration(Number(value))
  if (unit === 'bytes') return formatBytes(Number(value))
  if (unit === 'version') return t('deployments.secretVersion', { version: value })
  if (subject === 'files') return shortDigest(value)
  if (subject === 'order') return t(`deployments.order.${value === 'stop-first' ? 'stopFirst' : 'startFirst'}`)
  return value
}

/** `sha256:1a2b3c4d5e6f`: enough to tell two apart. */
export const shortDigest = (digest: string): string => digest.slice(0, 'sha256:'.length + 12)

/** Changes of one thing stand together: what concerns all, then each service. */
export function groupsOf(changes: Change[]): { service: string | null; changes: Change[] }[] {
  const groups = new Map<string | null, Change[]>()
  const place = (change: Change) => (change.subject === 'service' ? null : change.service)
  for (const change of [...changes].sort((a, b) => rank(a) - rank(b))) {
    groups.set(place(change), [...(groups.get(place(change)) ?? []), change])
  }
  return [...groups].map(([service, all]) => ({ service, changes: all }))
}

const order: Change['subject'][] = [
  'files',
  'service',
  'variable',
  'secret',
  'migration',
  'hostname',
  'route',
  'soak',
  'drain',
  'order',
  'setting',
  'environment',
]
const rank = ({ subject }: Change): number => order.indexOf(subject)
