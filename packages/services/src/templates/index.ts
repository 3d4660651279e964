import type { TemplateName } from './contract.ts'
import { node } from './node.ts'
import { python } from './python.ts'
import { staticSite } from './static.ts'

/** The files of a new project's first commit, by path, given the project's slug. */
export const templates: Record<TemplateName, (slug: string) => Record<string, string>> = {
  empty: () => ({}),
  node,
  static: staticSite,
  python,
}
