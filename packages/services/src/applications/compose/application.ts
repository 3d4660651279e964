import type { Said } from '@juanie/workflow/say'
import {
  type ApplicationRoute,
  type Command,
  type Detected,
  defaultDeclaredPort,
  type Migration,
  type NotHonoured,
  type Service,
} from '../contract.ts'
import { within } from '../paths.ts'
import type { At } from '../problems.ts'
import { said } from '../sentences.ts'
import { environmentOf } from './environment.ts'
import { inOrder } from './graph.ts'
import { healthOf } from './health.ts'
import type { Loading } from './load.ts'
import { type ComposeProject, readProject } from './project.ts'
import type { ComposeService } from './service.ts'
import { Values } from './values.ts'
import { readXJuanie, type XHealth, type XJuanie, type XRoute } from './x-juanie.ts'

export interface Composing extends Loading {
  /** The Compose files in the order in which they are merged. */
  paths: readonly string[]
  profiles: readonly string[]
  /** Lines of a Procfile beside the Compose file, by name. */
  lines: ReadonlyMap<string, string>
  detected: Readonly<Record<string, Detected>>
}

export interface Composed {
  services: Service[]
  routes: ApplicationRoute[]
  migrate: Migration | null
  order: 'start-first' | 'stop-first'
  notHonoured: NotHonoured[]
  /** Names of the services that this runtime cannot run. */
  imageOnly: string[]
}

/** A Compose project as an application of the process runtime. What is wrong is in `composing.problems`. */
export function composeApplication(composing: Composing): Composed {
  const project = readProject(composing.paths, composing)
  return new Composer(project, composing).compose()
}

class Composer {
  readonly #composing: Composing
  readonly #isSound: boolean
  readonly #active: ComposeService[]
  readonly #inactive: ReadonlySet<string>
  readonly #own = new Map<string, XJuanie>()
  readonly #top: XJuanie
  readonly #values: Values
  readonly #notHonoured: NotHonoured[]

  constructor(project: ComposeProject, composing: Composing) {
    this.#composing = composing
    this.#isSound = !composing.problems.hasErrors
    this.#values = new Values(composing.problems)
    const { profiles } = composing
    const isActive = (service: ComposeService) =>
      service.profiles.length === 0 || profiles.includes('*') || service.profiles.some((one) => profiles.includes(one))
    this.#active = project.services.filter(isActive)
    this.#inactive = new Set(project.services.filter((service) => !isActive(service)).map(({ name }) => name))
    this.#top = readXJuanie(project.xJuanie, null, this.#values)
    for (const service of this.#active)
      this.#own.set(service.name, readXJuanie(service.xJuanie, service.name, this.#values))
    this.#notHonoured = project.notHonoured.filter(({ path }) => !this.#inactive.has(path.split('.')[1] ?? ''))
  }

  compose(): Composed {
    this.#refuseImages()
    const routed = this.#routes()
    const ports = new Map(this.#active.map((service) => [service.name, this.#portOf(service, routed)]))
    const main = routed[0]?.service ?? null
    const awaited = new Set(
      this.#active.flatMap((service) =>
        [...service.dependsOn].filter(([, on]) => on.condition === 'completed').map(([name]) => name),
      ),
    )
    const services = this.#active.map((service) => {
      const port = ports.get(service.name) ?? null
      const health = this.#own.get(service.name)?.health ?? (service.name === main ? this.#top.health : undefined)
      return this.#service(service, { port, health, isAwaited: awaited.has(service.name) })
    })
    if (this.#top.health !== undefined && main === null && !this.#composing.isOpen)
      this.#wrong(this.#top.health.at, said('healthNoRoute'))
    this.#checkDependencies()
    return {
      services: inOrder(services, this.#composing.problems),
      routes: routed.map(({ service, hostname }) => ({ service, hostname })),
      migrate: this.#migration(services, main),
      order: this.#active.some((service) => service.isStopFirst) ? 'stop-first' : 'start-first',
      notHonoured: this.#notHonoured,
      imageOnly: this.#active.filter(isImageOnly).map(({ name }) => name),
    }
  }

  #wrong(at: At, fault: Said, reason?: string): void {
    this.#composing.problems.error({ at, said: fault, ...(reason === undefined ? {} : { reason }) })
  }

  #refuseImages(): void {
    for (const service of this.#active)
      if (isImageOnly(service)) {
        const { name, image = '' } = service
        this.#wrong(service.at, said('imageOnly', { name, image }), 'application.image_only')
      }
  }

  /** `x-juanie.routes`, else the first service with a port, else the one that must be meant. */
  #routes(): XRoute[] {
    const own = [...this.#own.values()].flatMap(({ routes }) => routes ?? [])
    const isSaid = this.#top.routes !== undefined || [...this.#own.values()].some(({ routes }) => routes !== undefined)
    if (isSaid) return this.#checkedRoutes([...(this.#top.routes ?? []), ...own])
    const main = this.#active.find((service) => isRunning(service) && hasPort(service)) ?? this.#meant()
    return main === undefined ? [] : [{ service: main.name, hostname: 'default', at: main.at }]
  }

  /** Nothing has a port: a service called web, or the only one unless its name says that it has none. */
  #meant(): ComposeService | undefined {
    if (this.#active.some(hasPort)) return undefined
    const [only, ...others] = this.#active
    const isPortless = /worker|job|cron|queue|bot|scheduler|consumer|migrat/i.test(only?.name ?? '')
    return this.#active.find(({ name }) => name === 'web') ?? (others.length === 0 && !isPortless ? only : undefined)
  }

  #checkedRoutes(routes: XRoute[]): XRoute[] {
    const taken = new Map<string, XRoute>()
    for (const route of routes) {
      const before = taken.get(route.hostname)
      if (this.#inactive.has(route.service)) continue
      if (!this.#active.some(({ name }) => name === route.service))
        this.#wrong(route.at, said('routeUnknown', { name: route.service }), 'application.unknown_service')
      else if (before !== undefined && before.service !== route.service)
        this.#wrong(
          route.at,
          said('routeTwice', { name: route.service, other: before.service, hostname: route.hostname }),
        )
      else taken.set(route.hostname, route)
    }
    return [...taken.values()]
  }

  #portOf(service: ComposeService, routed: readonly XRoute[]): number | null {
    const [declared, ...others] = service.ports.length > 0 ? service.ports : service.expose
    for (const port of new Set(others))
      if (port !== declared)
        this.#notHonoured.push({
          path: `services.${service.name}.ports`,
          reason: `an instance has one port, and ${port} is a second one`,
        })
    if (declared !== undefined) return declared
    const isRouted = routed.some((route) => route.service === service.name)
    const health = this.#own.get(service.name)?.health
    return isRouted || health?.path !== undefined || health?.status !== undefined ? defaultDeclaredPort : null
  }

  #service(service: ComposeService, { port, health, isAwaited }: Role): Service {
    const isJob = isAwaited || service.isJob
    const { command, environment } = this.#command(service, port)
    return {
      name: service.name,
      command,
      environment: { ...environment, ...environmentOf(service, this.#composing) },
      workingDirectory: this.#folder(service),
      replicas: service.replicas ?? 1,
      declaredPort: port,
      hasPort: port !== null,
      dependsOn: [...service.dependsOn]
        .filter(([name]) => !this.#inactive.has(name))
        .map(([name, on]) => ({ service: name, condition: on.condition, required: on.isRequired })),
      health: isJob ? null : healthOf(service.healthcheck, health, port),
      limits: { memoryBytes: service.memoryBytes ?? null, cpus: service.cpus ?? null },
      stopSignal: service.stopSignal ?? 'SIGTERM',
      stopGraceMs: service.stopGraceMs ?? 10_000,
      // Compose's own default is "no"; here what is deployed is kept running unless the description says otherwise.
      restart: service.restart ?? (isJob ? 'no' : 'always'),
      maxRetries: service.maxRetries ?? null,
      kind: isJob ? 'job' : port === null ? 'worker' : 'server',
    }
  }

  #command(service: ComposeService, port: number | null): { command: Command; environment: Record<string, string> } {
    const argv = [...(service.entrypoint ?? []), ...(service.command ?? [])]
    if (argv.length > 0) {
      if (argv[0] === '') this.#wrong(service.at, said('commandEmptyWord', { name: service.name }))
      return { command: { kind: 'exec', argv }, environment: {} }
    }
    const line = this.#composing.lines.get(service.name)
    if (line !== undefined) return { command: { kind: 'shell', line }, environment: {} }
    // What was detected in a folder starts its server, so a service without a port is not meant by it.
    const found = this.#composing.detected[contextOf(service)]
    if (found !== undefined && (port !== null || this.#active.length === 1)) return found
    // A command that could not be read was named already.
    if (!isImageOnly(service) && this.#isSound)
      this.#wrong(service.at, said('commandMissing', { name: service.name }), 'application.no_start_command')
    return { command: { kind: 'exec', argv: ['false'] }, environment: {} }
  }

  /** Where the command runs: the build context stands for the image's folder. */
  #folder(service: ComposeService): string {
    const context = contextOf(service)
    const path = service.workingDirectory
    if (path === undefined || path === '') return context
    if (!path.startsWith('/')) {
      const folder = within(context, path)
      if (folder === null)
        this.#wrong(service.at, said('folderOutside', { path, name: service.name }), 'application.path_outside')
      return folder ?? context
    }
    const inside = service.mounts
      .filter(({ target }) => path === target || path.startsWith(`${target.replace(/\/$/, '')}/`))
      .sort((a, b) => b.target.length - a.target.length)[0]
    const folder =
      inside === undefined
        ? null
        : within(within('.', inside.source) ?? '.', path.slice(inside.target.length).replace(/^\//, ''))
    if (folder !== null) return folder
    const reason = `${path} is a folder of a container; the command runs in ${context === '.' ? "the release's folder" : context}`
    this.#notHonoured.push({ path: `services.${service.name}.working_dir`, reason })
    return context
  }

  #checkDependencies(): void {
    const names = new Set(this.#active.map(({ name }) => name))
    for (const service of this.#active)
      for (const [name, { isRequired, at }] of service.dependsOn) {
        if (names.has(name) || !isRequired || (this.#inactive.has(name) && this.#composing.isOpen)) continue
        const values = { name: service.name, target: name }
        const fault = this.#inactive.has(name) ? said('dependsInactive', values) : said('dependsUnknown', values)
        this.#wrong(at, fault, 'application.unknown_service')
      }
  }

  #migration(services: readonly Service[], main: string | null): Migration | null {
    const own = [...this.#own].filter(([, { migrate }]) => migrate !== undefined)
    const line = this.#composing.lines.get('release')
    const top = this.#top.migrate ?? (line === undefined ? undefined : { command: { kind: 'shell', line } as const })
    const [second] = own.slice(this.#top.migrate === undefined ? 1 : 0)
    if (second !== undefined) {
      const at = second[1].migrate?.at as At
      this.#wrong(at, said('migrateTwice'))
    }
    const command = own[0]?.[1].migrate?.command ?? top?.command
    const service = services.find(({ name }) => name === (own[0]?.[0] ?? main)) ?? services[0]
    if (command === undefined || service === undefined) return null
    const { name, environment, workingDirectory } = service
    return { service: name, command, environment, workingDirectory }
  }
}

interface Role {
  port: number | null
  health: XHealth | undefined
  isAwaited: boolean
}

const isRunning = (service: ComposeService): boolean => service.replicas !== 0 && !service.isJob
const hasPort = (service: ComposeService): boolean => service.ports.length > 0 || service.expose.length > 0

/** The folder of `build:`; one that leads outside holds nothing that a release has, so the root stands for it. */
const contextOf = (service: ComposeService): string => within('.', service.context ?? '.') ?? '.'

/** Images whose `command:` is arguments for, or a variant of, what the image brings: data stores and proxies. */
const stores =
  /(^|\/)(postgres|postgis|timescaledb|pgvector|mysql|mysql-server|mariadb|mongo|redis|redis-stack|valkey|keydb|dragonfly|memcached|rabbitmq|nats|kafka|zookeeper|redpanda|elasticsearch|opensearch|meilisearch|typesense|clickhouse-server|cassandra|cockroach|neo4j|influxdb|minio|mailhog|mailpit|nginx|traefik|caddy|haproxy|httpd|adminer|pgadmin4|phpmyadmin|mongo-express|vault|consul|etcd|prometheus|grafana|jaeger|cloudflared)(?=$|[:@])/

function isImageOnly(service: ComposeService): boolean {
  if (service.image === undefined || service.context !== null) return false
  const command = service.command ?? []
  if ((service.entrypoint ?? []).length > 0) return false
  return command.length === 0 || command[0]?.startsWith('-') === true || stores.test(service.image)
}
