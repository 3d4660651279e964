import type { NotHonoured } from '../contract.ts'
import { said } from '../sentences.ts'
import { projectKeys } from './keys.ts'
import { type Loading, loadProject } from './load.ts'
import { type ComposeService, readService, unheard } from './service.ts'
import type { Node } from './tree.ts'
import { Values } from './values.ts'

export interface ComposeProject {
  /** All of them, whatever their profiles, in the order they are written. */
  services: ComposeService[]
  xJuanie: Node | undefined
  notHonoured: NotHonoured[]
}

/** Reads, merges, checks and normalises Compose files. What is wrong is in `loading.problems`. */
export function readProject(paths: readonly string[], loading: Loading): ComposeProject {
  const tree = loadProject(paths, loading)
  const values = new Values(loading.problems)
  values.only(tree, '', Object.keys(projectKeys))
  const services: ComposeService[] = []
  for (const [name, node] of values.map(tree.entries.get('services'), 'services')?.entries ?? []) {
    const service = readService(name, node, values)
    if (service !== null) services.push(service)
  }
  if (services.length === 0 && !loading.problems.hasErrors)
    loading.problems.error({
      at: { file: paths[0] ?? '', line: 0, column: 0 },
      said: said('noService'),
    })
  const notHonoured = [...unheard(tree, '', projectKeys), ...services.flatMap((service) => service.notHonoured)]
  return { services, xJuanie: tree.entries.get('x-juanie'), notHonoured }
}
