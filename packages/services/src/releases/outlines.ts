import { type ApplicationSource, commandText, healthText, outlineApplication } from '../applications/index.ts'
import type { ApplicationOutline } from './contract.ts'

/** What is in a release, for people: the services as its description says them. */
export const outlinesOf = (source: ApplicationSource): ApplicationOutline[] =>
  outlineApplication(source).map(({ environment, services, routes, migrate, order }) => ({
    environment,
    services: services.map((service) => ({
      name: service.name,
      kind: service.kind,
      command: commandText(service.command),
      port: service.declaredPort,
      hasPort: service.hasPort,
      health: service.health && healthText(service.health),
      replicas: service.replicas,
      hostnames: routes.flatMap((route) => (route.service === service.name ? [route.hostname] : [])),
      ...service.limits,
    })),
    migrate: migrate && commandText(migrate.command),
    hasGap: order === 'stop-first',
  }))
