import { BlockList, isIP } from 'node:net'
import type { TrustProxy } from './protocol.ts'

/** RFC 9110 §7.6.1, and the older names that some still send. They belong to one connection and are not passed on. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** What a proxy says about a request. Whoever may not say it has it removed, in every spelling an application reads. */
const forwarding = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-forwarded-ssl',
  'x-forwarded-scheme',
  'x-forwarded-prefix',
  'x-real-ip',
])

/** CGI, WSGI and PHP read `X_Forwarded_For` as `X-Forwarded-For`. */
const isForwarding = (lower: string) => forwarding.has(lower.includes('_') ? lower.replaceAll('_', '-') : lower)

function namedByConnection(raw: string[]): Set<string> | null {
  let named: Set<string> | null = null
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.length !== 10 || raw[i]!.toLowerCase() !== 'connection') continue
    for (const token of raw[i + 1]!.toLowerCase().split(',')) {
      const name = token.trim()
      if (name === '' || name === 'keep-alive' || name === 'close' || name === 'upgrade') continue
      named ??= new Set()
      named.add(name)
    }
  }
  return named
}

export interface Incoming {
  rawHeaders: string[]
  /** The authority that the request is for, sent on as `Host`. */
  authority: string
  peer: string
  localPort: number
  method: string
  /** Framing of the body as it was parsed. */
  body: { kind: 'none' } | { kind: 'length'; length: string } | { kind: 'chunked' }
  /** The protocol to switch to, or null. */
  upgrade: string | null
  expectsContinue: boolean
}

/** Methods for which Node's client announces a chunked body when nothing says that there is none. */
const bodiless = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/** The flat list of names and values that goes to the instance. */
export function requestHeaders(incoming: Incoming, trust: Trust): string[] {
  const { rawHeaders: raw, body } = incoming
  const named = namedByConnection(raw)
  const trusted = trust.judge(incoming.peer)
  const out: string[] = ['Host', incoming.authority]
  const before: Record<string, string | undefined> = {}
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const lower = name.toLowerCase()
    if (lower === 'host' || lower === 'content-length' || lower === 'expect') continue
    if (hopByHop.has(lower) || named?.has(lower)) continue
    if (isForwarding(lower)) {
      if (!trusted) continue
      if (lower.startsWith('x-forwarded-') && takesOver.has(lower)) {
        before[lower] = before[lower] === undefined ? raw[i + 1]! : `${before[lower]}, ${raw[i + 1]}`
        continue
      }
    }
    out.push(name, raw[i + 1]!)
  }
  if (body.kind === 'length') out.push('Content-Length', body.length)
  else if (body.kind === 'chunked') out.push('Transfer-Encoding', 'chunked')
  else if (!bodiless.has(incoming.method)) out.push('Content-Length', '0')
  if (incoming.expectsContinue) out.push('Expect', '100-continue')
  const port = /:(\d+)$/.exec(incoming.authority)?.[1] ?? String(incoming.localPort)
  out.push('X-Forwarded-For', trust.chain(before['x-forwarded-for'], incoming.peer))
  out.push('X-Forwarded-Proto', before['x-forwarded-proto'] ?? 'http')
  out.push('X-Forwarded-Host', before['x-forwarded-host'] ?? incoming.authority)
  out.push('X-Forwarded-Port', before['x-forwarded-port'] ?? port)
  if (incoming.upgrade) out.push('Connection', 'Upgrade', 'Upgrade', incoming.upgrade)
  else out.push('Connection', 'keep-alive')
  return out
}

const takesOver = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'])

/** The flat list of names and values that goes to the client; its framing is Node's business. */
export function responseHeaders(raw: string[], isUpgrade = false): string[] {
  const named = namedByConnection(raw)
  const out: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const lower = raw[i]!.toLowerCase()
    const isKept = isUpgrade && (lower === 'connection' || lower === 'upgrade')
    if (!isKept && (hopByHop.has(lower) || named?.has(lower))) continue
    out.push(raw[i]!, raw[i + 1]!)
  }
  return out
}

const plain = (address: string) => (address.startsWith('::ffff:') ? address.slice(7) : address)

/** Whose words about where a request came from are believed. */
export class Trust {
  readonly #setting: TrustProxy
  readonly #networks = new BlockList()

  constructor(setting: TrustProxy) {
    this.#setting = setting
    if (!Array.isArray(setting)) return
    for (const entry of setting) {
      const [address = '', bits] = entry.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#networks.addAddress(address, family)
      else this.#networks.addSubnet(address, Number(bits), family)
    }
  }

  /** Whether the one that is connected may speak for others. */
  judge(peer: string): boolean {
    if (Array.isArray(this.#setting)) return this.#isListed(plain(peer))
    return this.#setting === true || (typeof this.#setting === 'number' && this.#setting > 0)
  }

  /**
   * X-Forwarded-For for the application, the client first. What stands before the first address that a trusted proxy
   * vouches for was written by the client itself and is left out.
   */
  chain(before: string | undefined, peer: string): string {
    const hops = (before ?? '')
      .split(',')
      .map((hop) => hop.trim())
      .filter((hop) => hop !== '')
    if (typeof this.#setting === 'number') return [...hops.slice(-this.#setting), plain(peer)].join(', ')
    if (Array.isArray(this.#setting)) {
      const client = hops.findLastIndex((hop) => !this.#isListed(plain(hop)))
      return [...hops.slice(Math.max(0, client)), plain(peer)].join(', ')
    }
    return [...hops, plain(peer)].join(', ')
  }

  #isListed(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#networks.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}
