import { composeApplication } from './compose/application.ts'
import type { Lookup } from './compose/interpolate.ts'
import { variantsOf } from './compose/sources.ts'
import {
  type Application,
  type ApplicationSource,
  type Ask,
  defaultDeclaredPort,
  type NotHonoured,
  type Problem,
  type Service,
} from './contract.ts'
import { olderThanAsked } from './detect.ts'
import { Problems, refusal } from './problems.ts'
import { parseProcfile } from './procfile.ts'
import { misplacedSecrets, secretPlaceholder, secretsIn } from './secrets.ts'
import { said } from './sentences.ts'

export interface Rendering {
  /** The environment's name: it chooses `compose.<name>.yaml`, and turns on the profile of that name. */
  environment: string
  /** Values for interpolation, the environment's variables. Nothing else is looked at. */
  variables: Readonly<Record<string, string>>
  /** Names of secrets: the model refers to them and never holds their values. */
  secrets?: readonly string[]
  /** Versions that the host has, to say when the application asks for a newer one. */
  installed?: Partial<Record<Ask['language'], string>>
}

type Drawn = Pick<Application, 'services' | 'routes' | 'migrate' | 'order' | 'notHonoured'> & { imageOnly: string[] }

/**
 * The application as one environment runs it. Throws `invalid` with every mistake in `details.problems`:
 * `application.image_only` (with `details.services` and `details.runtime`), `application.no_start_command` and others.
 */
export function renderApplication(source: ApplicationSource, rendering: Rendering): Application {
  const problems = new Problems()
  const { variables, secrets = [], installed = {} } = rendering
  const secretNames = new Set(secrets)
  const lookup: Lookup = (name) =>
    secretNames.has(name) ? secretPlaceholder(name) : Object.hasOwn(variables, name) ? variables[name] : undefined
  const drawn = draw(source, { environment: rendering.environment, lookup, isOpen: false, problems })
  for (const finding of misplacedSecrets(drawn)) problems.error(finding)
  for (const ask of source.asks) {
    const version = installed[ask.language]
    const older = version === undefined ? null : olderThanAsked(ask, version)
    if (older !== null)
      problems.warn({
        at: { file: ask.file, line: 0, column: 0 },
        reason: 'application.language_older',
        said: older,
      })
  }
  if (problems.hasErrors) {
    const { imageOnly } = drawn
    throw refusal(problems.list, imageOnly.length > 0 ? { services: imageOnly, runtime: 'compose' } : {})
  }
  const { services, routes, migrate, order, notHonoured } = drawn
  const set = new Set([
    ...Object.keys(variables),
    ...secretNames,
    ...services.flatMap((one) => Object.keys(one.environment)),
  ])
  return {
    services,
    routes,
    migrate,
    order,
    requires: source.requires.filter((name) => !set.has(name)),
    asks: source.asks,
    secrets: secretsIn(services, migrate),
    notHonoured,
    warnings: problems.list,
  }
}

/** Refused on the process runtime alone: another one has images, and knows what their files start. */
const runtimeReasons = new Set(['application.image_only', 'application.no_start_command'])

/**
 * What can be said of a description before any environment. An `error` is wrong in every environment on every runtime;
 * what only some would refuse is a `warning` here, and an error when one of those is rendered.
 */
export function inspectSource(source: ApplicationSource): { notHonoured: NotHonoured[]; problems: Problem[] } {
  const isCompose = source.kind === 'compose'
  const variants = isCompose ? variantsOf(source.entry ?? '', Object.keys(source.files)) : [{ environment: null }]
  const notHonoured = new Map<string, NotHonoured>()
  const found = new Map<string, { problem: Problem; times: number }>()
  for (const { environment } of variants) {
    const problems = new Problems()
    const drawn = draw(source, { environment, lookup: () => undefined, isOpen: true, problems })
    for (const one of drawn.notHonoured) notHonoured.set(one.path, one)
    for (const problem of problems.list) {
      const key = JSON.stringify(problem)
      found.set(key, { problem, times: (found.get(key)?.times ?? 0) + 1 })
    }
  }
  const problems = [...found.values()].map(({ problem, times }): Problem => {
    const isCertain = times === variants.length && !(isCompose && runtimeReasons.has(problem.reason))
    return isCertain ? problem : { ...problem, severity: 'warning' }
  })
  return { notHonoured: [...notHonoured.values()], problems }
}

/** What one environment's description says, as far as that can be told without its variables. */
interface Outline extends Pick<Drawn, 'services' | 'routes' | 'migrate' | 'order'> {
  /** Whose Compose file is merged in; null: what holds for every other environment. */
  environment: string | null
}

const mostOutlines = 20

/** The services of a description before any environment; where variables stand, their names stay. */
export function outlineApplication(source: ApplicationSource): Outline[] {
  const isCompose = source.kind === 'compose'
  const variants = isCompose ? variantsOf(source.entry ?? '', Object.keys(source.files)) : [{ environment: null }]
  return variants.slice(0, mostOutlines).map(({ environment }) => {
    const problems = new Problems()
    const drawn = draw(source, { environment, lookup: () => undefined, isOpen: true, problems })
    const { services, routes, migrate, order } = drawn
    return { environment, services, routes, migrate, order }
  })
}

interface Drawing {
  environment: string | null
  lookup: Lookup
  isOpen: boolean
  problems: Problems
}

function draw(source: ApplicationSource, drawing: Drawing): Drawn {
  const { environment, lookup, isOpen, problems } = drawing
  const read = (path: string): string | null =>
    Object.hasOwn(source.files, path) ? (source.files[path] as string) : null
  const procfile = read('Procfile')
  const lines = procfile === null ? new Map<string, string>() : parseProcfile('Procfile', procfile, problems)
  if (source.kind === 'procfile') return fromProcfile(lines, problems)
  if (source.kind === 'detected') return fromDetection(source, problems)
  const variants = variantsOf(source.entry ?? '', Object.keys(source.files))
  const variant = variants.find((one) => one.environment === environment) ?? variants[0]
  const asked = (lookup('COMPOSE_PROFILES') ?? '').split(',').map((profile) => profile.trim())
  const profiles = [...asked, ...(environment === null ? [] : [environment])].filter((profile) => profile !== '')
  return composeApplication({
    paths: variant?.paths ?? [],
    profiles,
    read,
    lookup,
    isOpen,
    problems,
    lines,
    detected: source.detected,
  })
}

const plainService = (name: string, hasPort: boolean): Omit<Service, 'command' | 'environment'> => ({
  name,
  workingDirectory: '.',
  replicas: 1,
  declaredPort: hasPort ? defaultDeclaredPort : null,
  hasPort,
  dependsOn: [],
  health: hasPort ? { kind: 'default', times: { xJuanie: {}, compose: {} } } : null,
  limits: { memoryBytes: null, cpus: null },
  stopSignal: 'SIGTERM',
  stopGraceMs: 10_000,
  restart: 'always',
  maxRetries: null,
  kind: hasPort ? 'server' : 'worker',
})

/** `web` answers on a port, `release` runs once before, and every other line is a worker. */
function fromProcfile(lines: ReadonlyMap<string, string>, problems: Problems): Drawn {
  const release = lines.get('release')
  const services = [...lines]
    .filter(([name]) => name !== 'release')
    .map(
      ([name, line]): Service => ({
        ...plainService(name, name === 'web'),
        command: { kind: 'shell', line },
        environment: {},
      }),
    )
  if (services.length === 0 && !problems.hasErrors)
    problems.error({
      at: { file: 'Procfile', line: 0, column: 0 },
      reason: 'application.no_start_command',
      said: said('procfileEmpty'),
    })
  const main = services.find(({ name }) => name === 'web') ?? services[0]
  return {
    services,
    routes: services.some(({ name }) => name === 'web') ? [{ service: 'web', hostname: 'default' }] : [],
    migrate:
      release === undefined || main === undefined
        ? null
        : { service: main.name, command: { kind: 'shell', line: release }, environment: {}, workingDirectory: '.' },
    order: 'start-first',
    notHonoured: [],
    imageOnly: [],
  }
}

function fromDetection(source: ApplicationSource, problems: Problems): Drawn {
  const detected = source.detected['.']
  if (detected === undefined) {
    const language = source.looksLike
    problems.error({
      reason: 'application.no_start_command',
      said: language === null ? said('noStart') : said('noStartOf', { language }),
    })
  }
  const services: Service[] =
    detected === undefined
      ? []
      : [{ ...plainService('web', true), command: detected.command, environment: { ...detected.environment } }]
  return {
    services,
    routes: services.map(({ name }) => ({ service: name, hostname: 'default' })),
    migrate: null,
    order: 'start-first',
    notHonoured: [],
    imageOnly: [],
  }
}
