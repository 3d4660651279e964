import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { AppError } from './errors.ts'

/** Networks that are nobody's outside: https://www.iana.org/assignments/iana-ipv4-special-registry and its like. */
const privateNetworks = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b::/96',
  '100::/64',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
]

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [ip = '', bits] = network.split('/')
    const family = isIP(ip) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(ip, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  return list
}

const closed = blockList(privateNetworks)

const has = (list: BlockList, ip: string): boolean => list.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4')

export class OutsideAddresses {
  readonly #allowed: BlockList

  /** `allowed` are the private networks that may be called all the same. */
  constructor(allowed: readonly string[]) {
    this.#allowed = blockList(allowed)
  }

  /**
   * The one address of a host that is to be called: it is resolved here, and nobody resolves it again. Throws
   * `forbidden` when it is private and not allowed, `unavailable` when there is none.
   */
  async of(url: URL): Promise<string> {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const found = isIP(host) ? [host] : await addressesOf(host)
    const open = found.find((ip) => !has(closed, ip) || has(this.#allowed, ip))
    if (open !== undefined) return open
    throw new AppError('forbidden', 'address.private', {
      message: `${url.host} is a private address. Name its network in JUANIE_ALLOW_PRIVATE_ADDRESSES to have it called.`,
    })
  }
}

async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch (cause) {
    throw new AppError('unavailable', 'address.unknown', { message: `${host} cannot be found now.`, cause })
  }
}
