import type { Service } from '../applications/contract.ts'
import { commandText, healthText } from '../applications/index.ts'
import type { Change, ChangeSetting, Snapshot } from './contract.ts'

const longest = 200

type Place = Pick<Change, 'subject' | 'label'> & Partial<Pick<Change, 'service' | 'name' | 'unit'>>
type Flat = Map<string, Place & { value: string }>

/**
 * What differs between two snapshots, in the words of people. Secrets show their versions. Of a service that is new or
 * gone its command says enough; only where it stays are its settings compared.
 */
export function changesBetween(before: Snapshot | null, after: Snapshot): Change[] {
  const names = (snapshot: Snapshot | null) => new Set((snapshot?.application.services ?? []).map(({ name }) => name))
  const [old, fresh] = [names(before), names(after)]
  const isKept = (name: string) => old.has(name) && fresh.has(name)
  const from = before === null ? (new Map() as Flat) : flatten(before, isKept)
  const to = flatten(after, isKept)
  const paths = [...new Set([...from.keys(), ...to.keys()])].sort()
  return paths.flatMap((path) => {
    const { value: _, ...place } = (to.get(path) ?? from.get(path))!
    const [was, will] = [from.get(path)?.value ?? null, to.get(path)?.value ?? null]
    // Which service answers at first goes without saying.
    if (was === will || (before === null && path === 'routes.default')) return []
    return [{ path, service: null, name: null, unit: null, ...place, from: was && short(was), to: will && short(will) }]
  })
}

function flatten(snapshot: Snapshot, isKept: (service: string) => boolean): Flat {
  const { bundle, application, times, variables, secrets, hostname, soakMs, drainMs } = snapshot
  const flat: Flat = new Map()
  const put = (path: string, value: string | number | null, place: Place) => {
    if (value !== null) flat.set(path, { ...place, value: String(value) })
  }
  put('bundle', bundle, { subject: 'files', label: 'files' })
  put('hostname', hostname, { subject: 'hostname', label: 'hostname' })
  put('soakMs', soakMs, { subject: 'soak', label: 'soak', unit: 'ms' })
  put('drainMs', drainMs, { subject: 'drain', label: 'drain', unit: 'ms' })
  put('order', application.order, { subject: 'order', label: 'order' })
  for (const [name, value] of Object.entries(variables)) {
    put(`variables.${name}`, value, { subject: 'variable', label: `variable ${name}`, name })
  }
  for (const { name, version } of secrets) {
    put(`secrets.${name}`, version, { subject: 'secret', label: `secret ${name}`, name, unit: 'version' })
  }
  for (const { hostname: name, service } of application.routes) {
    put(`routes.${name}`, service, { subject: 'route', label: `route of ${routeName(name)}`, name: routeName(name) })
  }
  if (application.migrate) {
    put('migrate', commandText(application.migrate.command), { subject: 'migration', label: 'migration' })
  }
  for (const service of application.services) {
    const { name, command, environment } = service
    const at = { service: name }
    put(`services.${name}`, isKept(name) ? null : commandText(command), {
      subject: 'service',
      label: `service ${name}`,
      ...at,
    })
    if (!isKept(name)) continue
    const own = settingsOf(service, times[name])
    // The longest soak and drain hold for the whole deployment and stand above.
    if (own.soakMs?.[0] === soakMs) delete own.soakMs
    if (own.drainMs?.[0] === drainMs) delete own.drainMs
    for (const [key, [value, unit]] of Object.entries(own)) {
      const place = {
        subject: 'setting' as const,
        label: `${name}: ${words[key as ChangeSetting]}`,
        name: key,
        unit,
        ...at,
      }
      put(`services.${name}.${key}`, value, place)
    }
    for (const [key, value] of Object.entries(environment)) {
      const place = { subject: 'environment' as const, label: `${name}: environment ${key}`, name: key, ...at }
      put(`services.${name}.environment.${key}`, value, place)
    }
  }
  return flat
}

const routeName = (hostname: string): string => (hostname === 'default' ? 'the environment' : hostname)

const words = {
  command: 'command',
  workingDirectory: 'folder',
  replicas: 'instances',
  port: 'port',
  kind: 'kind',
  health: 'health check',
  dependsOn: 'starts after',
  memory: 'memory limit',
  cpus: 'CPU limit',
  restart: 'restart',
  maxRetries: 'restarts at most',
  stopSignal: 'stop signal',
  stopGraceMs: 'time to stop',
  startLimitMs: 'start limit',
  startPeriodMs: 'start period',
  startIntervalMs: 'time between the first probes',
  healthy: 'good probes before the switch',
  retries: 'bad probes that end it',
  intervalMs: 'time between probes',
  timeoutMs: 'probe timeout',
  soakMs: 'soak',
  drainMs: 'drain',
  backOffMinMs: 'shortest pause before a restart',
  backOffMaxMs: 'longest pause before a restart',
} as const satisfies Record<ChangeSetting, string>
type Value = [string | number | null, Change['unit']]

function settingsOf(service: Service, times: Snapshot['times'][string] | undefined): Record<string, Value> {
  const { dependsOn, limits } = service
  const waits = dependsOn.map((one) =>
    one.condition === 'started' ? one.service : `${one.service} (${one.condition})`,
  )
  return {
    command: [commandText(service.command), null],
    workingDirectory: [service.workingDirectory, null],
    replicas: [service.replicas, null],
    port: [service.hasPort ? (service.declaredPort ?? 'any') : null, null],
    kind: [service.kind, null],
    health: [service.health && healthText(service.health), null],
    dependsOn: [waits.length === 0 ? null : waits.join(', '), null],
    memory: [limits.memoryBytes, 'bytes'],
    cpus: [limits.cpus, null],
    restart: [service.restart, null],
    maxRetries: [service.maxRetries, null],
    stopSignal: [service.stopSignal, null],
    stopGraceMs: [service.stopGraceMs, 'ms'],
    ...Object.fromEntries(
      Object.entries(times ?? {}).map(([key, value]): [string, Value] => [
        key,
        [value, key.endsWith('Ms') ? 'ms' : null],
      ]),
    ),
  }
}

const short = (text: string): string => (text.length > longest ? `${text.slice(0, longest)}…` : text)
