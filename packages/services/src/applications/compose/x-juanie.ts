import type { Command, TimeSettings } from '../contract.ts'
import type { At } from '../problems.ts'
import { said } from '../sentences.ts'
import { splitWords } from '../words.ts'
import { asItems } from './merge.ts'
import { isNull, type MapNode, type Node } from './tree.ts'
import type { Values } from './values.ts'

/**
 * What Compose cannot say: `x-juanie` at the top of the file, or in a service, where `health` and `migrate` are that
 * service's own.
 */
export interface XJuanie {
  /** Undefined where nothing is said; an empty list says that nothing gets a hostname. */
  routes: XRoute[] | undefined
  health: XHealth | undefined
  migrate: { command: Command; at: At } | undefined
}

export interface XRoute {
  service: string
  hostname: string
  at: At
}

export interface XHealth {
  at: At
  path: string | undefined
  status: StatusRange[] | undefined
  times: TimeSettings
}

export interface StatusRange {
  from: number
  to: number
}

const nothing: XJuanie = { routes: undefined, health: undefined, migrate: undefined }

/** `service` is null at the top of the file. */
export function readXJuanie(node: Node | undefined, service: string | null, values: Values): XJuanie {
  const path = service === null ? 'x-juanie' : `services.${service}.x-juanie`
  const map = values.map(node, path)
  if (map === undefined) return nothing
  known(map, path, ['routes', 'health', 'migrate'], values)
  return {
    routes: readRoutes(map.entries.get('routes'), `${path}.routes`, service, values),
    health: readHealth(map.entries.get('health'), `${path}.health`, values),
    migrate: readMigrate(map.entries.get('migrate'), `${path}.migrate`, values),
  }
}

function known(map: MapNode, path: string, keys: string[], values: Values): void {
  for (const [key, node] of map.entries)
    if (!keys.includes(key)) values.wrong(node, said('xKeyUnknown', { path, known: keys.join(', '), key }))
}

/**
 * `routes: [web]`, `routes: { web: default, admin: admin.example.com }` or `routes: [{ service, hostname }]`; in a
 * service `routes: default` or a list of hostnames.
 */
function readRoutes(
  node: Node | undefined,
  path: string,
  service: string | null,
  values: Values,
): XRoute[] | undefined {
  if (node === undefined || isNull(node)) return undefined
  const routes: XRoute[] = []
  const add = (to: string, hostname: Node, text: string | undefined) => {
    if (text !== undefined)
      routes.push({ service: to, hostname: checkedHostname(text, hostname, path, values), at: hostname.at })
  }
  if (service !== null) {
    for (const { text, node: item } of values.texts(node, path)) add(service, item, text)
    return routes
  }
  if (node.kind === 'map') {
    for (const [name, hostnames] of node.entries)
      if (isNull(hostnames)) add(name, hostnames, 'default')
      else for (const { text, node: item } of values.texts(hostnames, `${path}.${name}`)) add(name, item, text)
    return routes
  }
  for (const item of asItems(node)) {
    const entry = item.kind === 'map' ? item : null
    if (entry !== null) known(entry, path, ['service', 'hostname'], values)
    const name = values.text(entry === null ? item : entry.entries.get('service'), `${path}.service`)
    const hostname = entry?.entries.get('hostname')
    if (name === undefined) values.wrong(item, said('routeService', { path }))
    else add(name, hostname ?? item, values.text(hostname, `${path}.hostname`) ?? 'default')
  }
  return routes
}

function checkedHostname(text: string, node: Node, path: string, values: Values): string {
  const name = text.toLowerCase()
  const labels = name.split('.')
  const isValid = name.length <= 253 && labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
  if (!isValid) values.wrong(node, said('routeHostname', { path, text: text.slice(0, 80) }))
  return name
}

function readHealth(node: Node | undefined, path: string, values: Values): XHealth | undefined {
  const health = values.map(node, path)
  if (health === undefined) return undefined
  const keys = ['path', 'status', 'interval', 'timeout', 'retries', 'healthy', 'soak', 'start_period', 'start_interval']
  known(health, path, keys, values)
  const get = (key: string): Node | undefined => health.entries.get(key)
  const wanted = values.text(get('path'), `${path}.path`)
  if (wanted !== undefined && !/^\/[\x21-\x7e]{0,2000}$/.test(wanted))
    values.wrong(get('path') as Node, said('healthPath', { path: `${path}.path` }))
  const count = { min: 1, max: 1000 }
  const written: TimeSettings = {
    intervalMs: values.duration(get('interval'), `${path}.interval`),
    timeoutMs: values.duration(get('timeout'), `${path}.timeout`),
    retries: values.integer(get('retries'), `${path}.retries`, count),
    healthy: values.integer(get('healthy'), `${path}.healthy`, count),
    startPeriodMs: values.duration(get('start_period'), `${path}.start_period`),
    startIntervalMs: values.duration(get('start_interval'), `${path}.start_interval`),
    soakMs: values.duration(get('soak'), `${path}.soak`),
  }
  for (const [key, value] of Object.entries({ interval: written.intervalMs, timeout: written.timeoutMs }))
    if (value === 0) values.wrong(get(key) as Node, said('timeZero', { path: `${path}.${key}` }))
  return {
    at: health.at,
    path: wanted,
    status: readStatus(get('status'), `${path}.status`, values),
    times: onlySet(written),
  }
}

/** Without the keys that hold undefined, since what is stored carries only what was set. */
export function onlySet(times: TimeSettings): TimeSettings {
  return Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined))
}

/** `200`, `200-299`, `"200,204"` or a list of those. */
function readStatus(node: Node | undefined, path: string, values: Values): StatusRange[] | undefined {
  if (node === undefined || isNull(node)) return undefined
  const ranges: StatusRange[] = []
  for (const item of asItems(node))
    for (const part of item.kind === 'scalar' ? String(item.value).split(',') : ['']) {
      const found = /^\s*([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?\s*$/.exec(part)
      const [from, to] = [Number(found?.[1]), Number(found?.[2] ?? found?.[1])]
      if (found === null || to < from) values.wrong(item, said('healthStatus', { path }))
      else ranges.push({ from, to })
    }
  return ranges.length === 0 ? undefined : ranges
}

function readMigrate(node: Node | undefined, path: string, values: Values): XJuanie['migrate'] {
  if (node === undefined || isNull(node)) return undefined
  const list = node.kind === 'list' ? values.texts(node, path).map(({ text }) => text) : null
  const line = list === null ? values.text(node, path) : undefined
  const words = line === undefined ? null : splitWords(line)
  // A line with shell operators is meant for a shell; one without runs the same with less in between.
  if (line !== undefined && (words === null || words.cutAt !== null))
    return { command: { kind: 'shell', line }, at: node.at }
  const argv = list ?? words?.argv ?? []
  if (argv.length > 0) return { command: { kind: 'exec', argv }, at: node.at }
  if (!(node.kind === 'scalar' && node.open)) values.wrong(node, said('migrateCommand', { path }))
  return undefined
}
