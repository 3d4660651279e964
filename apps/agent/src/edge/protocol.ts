import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { LatencyCounts } from '@juanie/core/latency'
import type { ProcessIdentity } from '@juanie/core/process-identity'

/**
 * What the agent and its edge say to each other: HTTP with JSON bodies on a Unix socket in the edge's folder.
 *
 * | call            | body → answer |
 * |---|---|
 * | `GET /identity` | → `EdgeIdentity` |
 * | `GET /table`    | → `RouteTable` |
 * | `PUT /table`    | `RouteTable` → `{ version }` once every new request follows it and it lies on disk |
 * | `GET /stats`    | → `EdgeStats` |
 * | `GET /traffic`  | → `EdgeTraffic` |
 * | `POST /counted` | `Counted` → `{}`; what the server has stored is forgotten |
 * | `PUT /listen`   | `EdgeSettings` → `{ host, port }`; the new port listens before the old one closes |
 * | `POST /drain`   | `DrainRequest` → `Drained`; answers when the instance has no work left, or at the limit |
 * | `POST /end`     | `EndRequest` → `Ended` |
 * | `GET /watch`    | → a response that ends only with the edge |
 * | `POST /replace` | `Successor` → `{ pid }`; a new edge process takes over the listening socket |
 * | `POST /stop`    | `StopRequest` → `{ pid }`, and the edge ends after its requests or the limit |
 *
 * A refusal is a status of 400 or more with `{ error, code?, detail? }`; `error` is a sentence.
 */

/** One process or container that can answer. The id is the agent's instance id; an id keeps its address for life. */
export interface Target {
  id: string
  host: string
  port: number
}

const routeStates = ['serving', 'unavailable', 'starting'] as const
type RouteState = (typeof routeStates)[number]

export interface Route {
  /** Compared without case, port and a trailing dot. */
  hostname: string
  instances: Target[]
  /** Asked only when every instance refused the connection, or died before it began to answer a GET. */
  standby: Target[]
  /** `unavailable` and `starting` answer 503 with a page, whatever the instances are. */
  state: RouteState
  /** Replaces the words of the built-in page; plain text. */
  page?: { title: string; text: string }
}

export interface RouteTable {
  /** A version below the one in force is refused, the same version replaces it. */
  version: number
  routes: Route[]
}

export interface Listen {
  host: string
  port: number
}

/** As JUANIE_TRUST_PROXY: everyone or no one, the number of proxies in front, or their addresses and networks. */
export type TrustProxy = boolean | number | string[]

export interface EdgeSettings extends Listen {
  trustProxy: TrustProxy
}

export interface EdgeIdentity extends ProcessIdentity {
  startedAt: string
  /** Content hash of the program that runs. */
  build: string
  tableVersion: number
  /** The address in use, with the real port when 0 was asked for; null while it cannot be had. */
  listen: Listen | null
  listenError: { code: string; message: string } | null
}

export interface InstanceStats {
  id: string
  /** Requests that were given to it and whose answer has not ended, those still connecting included. */
  inFlight: number
  /** Open connections that were upgraded, as WebSockets are. */
  upgraded: number
  /** Open server-sent event streams; they do not count as in flight. */
  streams: number
  /** Since the edge began to know it: requests sent to it. */
  requests: number
  /** Connections that it refused before a byte was sent. */
  refused: number
  /** Requests that it broke: connection lost, malformed or no answer. */
  broken: number
  /** `draining`: in no route any more, but with work left. */
  role: 'serving' | 'standby' | 'draining'
}

export interface RouteStats {
  hostname: string
  /** Begin of the counts; a reader that sees another one starts over. */
  since: string
  requests: number
  /** Final answers by class, index 0 is 1xx (an upgrade counts there). */
  statuses: [number, number, number, number, number]
  /** Time from a request's head to the last byte of its answer; streams and upgrades are not in it. */
  latency: LatencyCounts
  /** Connections refused before a byte was sent, so that another instance was asked: no retry. */
  elsewhere: number
  /** GET or HEAD requests that were sent again because the first instance died without an answer. */
  repeats: number
  /** Requests that the application broke, after what could be repeated was. */
  broken: number
  /** Requests whose client went away first. */
  aborted: number
  /** Answers that the edge gave itself because nothing may serve. */
  unavailable: number
  bytesIn: number
  bytesOut: number
}

export interface EdgeStats {
  startedAt: string
  tableVersion: number
  connections: number
  /** Requests for a hostname that no route has. */
  unknownHosts: number
  /** Requests that were refused as malformed, too large or too slow. */
  badRequests: number
  memory: { rssBytes: number; heapUsedBytes: number }
  instances: InstanceStats[]
  routes: RouteStats[]
}

/** What was counted at one hostname within some time. */
export type RouteCounts = Pick<RouteStats, 'requests' | 'statuses' | 'broken' | 'aborted' | 'unavailable' | 'latency'>

/**
 * One minute of one hostname. `source` names the edge process that counted: what it says of a minute later replaces
 * what it said before, and what several say of one minute adds up.
 */
export interface CountedMinute extends RouteCounts {
  source: string
  hostname: string
  /** Whole minutes since the epoch. */
  minute: number
  /** Some requests of this minute or of those before were not counted: an edge ended without a word. */
  isCut: boolean
}

export interface EdgeTraffic {
  edge: string
  /** Minutes that are over and were not acknowledged by `Counted`, oldest first, and the number of the last of them. */
  closed: CountedMinute[]
  upTo: number
  /** The minute under way, where something was counted; empty while there are more closed ones to tell. */
  open: CountedMinute[]
  hasMore: boolean
}

/** Acknowledges what `EdgeTraffic` told; to an edge of another name it says nothing. */
export interface Counted {
  edge: string
  upTo: number
}

export interface DrainRequest {
  instance: string
  timeoutMs: number
  /** What to do with upgraded connections and event streams: end them at once, at the limit, or never. */
  endStreams: 'now' | 'deadline' | 'never'
}

export interface Drained {
  /** Nothing was left when this was answered. */
  drained: boolean
  /** Upgraded connections and streams that the edge ended. */
  ended: number
  inFlight: number
  upgraded: number
  streams: number
}

export interface EndRequest {
  instance: string
  /** `all` also cuts ordinary requests that are in flight. */
  what: 'streams' | 'all'
}

export interface Ended {
  ended: number
}

export interface Successor {
  /** The program and its arguments, those of Node first. */
  command: string[]
}

export interface StopRequest {
  /** How long requests under way may take to end. */
  graceMs: number
}

/** macOS takes 104 bytes with the final NUL; the rest is for the suffix under which a new edge makes its socket. */
const socketPathLimit = 90

/**
 * Where the edge of this folder is reached. A folder whose own socket path would be too long gets a short one in a
 * private folder below /tmp. Not below TMPDIR: agents of other starts, and the edge itself, must derive the same one.
 */
export function edgeSocketPath(folder: string): string {
  const own = join(folder, 'edge.sock')
  if (Buffer.byteLength(own) <= socketPathLimit) return own
  const name = `${createHash('sha256').update(folder).digest('hex').slice(0, 16)}.sock`
  return join('/tmp', `juanie-${process.getuid?.() ?? 'user'}`, name)
}

/** The form in which hostnames are compared: lower case, without port and trailing dot. Null: not a hostname. */
export function normalHostname(authority: string): string | null {
  const found = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._~-]{1,253}?)\.?(?::(\d{0,5}))?$/.exec(authority)
  if (!found?.[1] || (found[2] && Number(found[2]) > 65_535)) return null
  return found[1].toLowerCase()
}

/** What was sent to the edge does not fit; the message names the field. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

const record = (value: unknown, field: string): Record<string, unknown> => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ProtocolError(`${field} must be an object.`)
}

const list = (value: unknown, field: string): unknown[] => {
  if (Array.isArray(value)) return value
  throw new ProtocolError(`${field} must be a list.`)
}

const text = (value: unknown, field: string, most = 4096): string => {
  if (typeof value === 'string' && value.length > 0 && value.length <= most) return value
  throw new ProtocolError(`${field} must be a text of 1 to ${most} characters.`)
}

const whole = (value: unknown, field: string, [least, most]: [number, number]): number => {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  throw new ProtocolError(`${field} must be a whole number from ${least} to ${most}.`)
}

const oneOf = <T extends string>(value: unknown, field: string, allowed: readonly T[]): T => {
  if (allowed.includes(value as T)) return value as T
  throw new ProtocolError(`${field} must be one of ${allowed.join(', ')}.`)
}

const target = (value: unknown, field: string): Target => {
  const v = record(value, field)
  return {
    id: text(v.id, `${field}.id`, 200),
    host: text(v.host, `${field}.host`, 253),
    port: whole(v.port, `${field}.port`, [1, 65_535]),
  }
}

const route = (value: unknown, field: string): Route => {
  const v = record(value, field)
  const hostname = normalHostname(text(v.hostname, `${field}.hostname`, 253))
  if (hostname === null) throw new ProtocolError(`${field}.hostname must be a hostname.`)
  const targets = (name: 'instances' | 'standby') =>
    list(v[name], `${field}.${name}`).map((one, i) => target(one, `${field}.${name}[${i}]`))
  const parsed: Route = {
    hostname,
    instances: targets('instances'),
    standby: targets('standby'),
    state: oneOf(v.state, `${field}.state`, routeStates),
  }
  if (v.page !== undefined) {
    const page = record(v.page, `${field}.page`)
    parsed.page = { title: text(page.title, `${field}.page.title`), text: text(page.text, `${field}.page.text`) }
  }
  return parsed
}

export function parseTable(value: unknown): RouteTable {
  const v = record(value, 'table')
  const routes = list(v.routes, 'routes').map((one, i) => route(one, `routes[${i}]`))
  const seen = new Set<string>()
  for (const { hostname } of routes) {
    if (seen.has(hostname)) throw new ProtocolError(`routes name the hostname ${hostname} twice.`)
    seen.add(hostname)
  }
  return { version: whole(v.version, 'version', [0, Number.MAX_SAFE_INTEGER]), routes }
}

export function parseSettings(value: unknown): EdgeSettings {
  const v = record(value, 'settings')
  const trust = v.trustProxy
  return {
    host: text(v.host, 'host', 253),
    port: whole(v.port, 'port', [0, 65_535]),
    trustProxy:
      typeof trust === 'boolean'
        ? trust
        : typeof trust === 'number'
          ? whole(trust, 'trustProxy', [0, 99])
          : list(trust, 'trustProxy').map((one, i) => text(one, `trustProxy[${i}]`, 64)),
  }
}

const dayMs = 86_400_000

export function parseDrain(value: unknown): DrainRequest {
  const v = record(value, 'drain')
  return {
    instance: text(v.instance, 'instance', 200),
    timeoutMs: whole(v.timeoutMs, 'timeoutMs', [0, dayMs]),
    endStreams: oneOf(v.endStreams, 'endStreams', ['now', 'deadline', 'never']),
  }
}

export function parseCounted(value: unknown): Counted {
  const v = record(value, 'counted')
  return { edge: text(v.edge, 'edge', 200), upTo: whole(v.upTo, 'upTo', [0, Number.MAX_SAFE_INTEGER]) }
}

export function parseEnd(value: unknown): EndRequest {
  const v = record(value, 'end')
  return { instance: text(v.instance, 'instance', 200), what: oneOf(v.what, 'what', ['streams', 'all']) }
}

export function parseStop(value: unknown): StopRequest {
  return { graceMs: whole(record(value, 'stop').graceMs, 'graceMs', [0, dayMs]) }
}

export function parseSuccessor(value: unknown): Successor {
  const command = list(record(value, 'successor').command, 'command').map((one, i) => text(one, `command[${i}]`))
  if (command.length === 0) throw new ProtocolError('command must name a program.')
  return { command }
}
