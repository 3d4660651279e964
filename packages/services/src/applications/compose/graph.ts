import type { Service } from '../contract.ts'
import type { Problems } from '../problems.ts'
import { said } from '../sentences.ts'

/**
 * Services so that whatever one waits for stands before it; among those that are free the written order holds. A
 * circle is a problem, and its members keep their order.
 */
export function inOrder(services: readonly Service[], problems: Problems): Service[] {
  const byName = new Map(services.map((service) => [service.name, service]))
  const done = new Set<string>()
  const ordered: Service[] = []
  const visit = (service: Service, chain: readonly string[]): void => {
    if (done.has(service.name)) return
    const start = chain.indexOf(service.name)
    if (start !== -1) {
      const circle = [...chain.slice(start), service.name].join(' → ')
      problems.error({ reason: 'application.cycle', said: said('dependsCircle', { circle }) })
      return
    }
    for (const { service: name } of service.dependsOn) {
      const next = byName.get(name)
      if (next !== undefined) visit(next, [...chain, service.name])
    }
    if (done.has(service.name)) return
    done.add(service.name)
    ordered.push(service)
  }
  for (const service of services) visit(service, [])
  return ordered
}
