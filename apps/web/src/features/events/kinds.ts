import type { EventKind } from '@juanie/services/overview/contract'

/** Those that happen in a project. */
export const kinds = [
  'run',
  'release',
  'deployment',
  'environment',
  'setting',
  'project',
] as const satisfies readonly EventKind[]
