import { readdir, stat } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { AppError, messageOf } from '../errors.ts'
import type { OutsideAddresses } from '../outside-address.ts'
import { type GitResult, runGit } from './run-git.ts'

const maxHops = 3
const lookupLimitMs = 20_000

/** Nothing of a source's answer makes git do more than fetch. */
export const remoteSettings: Record<string, string> = {
  'protocol.allow': 'never',
  'protocol.version': '2',
  'http.followRedirects': 'false',
  'http.lowSpeedLimit': '1000',
  'http.lowSpeedTime': '30',
  'credential.helper': '',
  'fetch.recurseSubmodules': 'false',
  'fetch.fsckObjects': 'true',
  'fetch.fsck.zeroPaddedFilemode': 'ignore',
  'fetch.fsck.missingSpaceBeforeDate': 'ignore',
  'fetch.fsck.badTimezone': 'ignore',
  'fetch.fsck.missingNameBeforeEmail': 'ignore',
}

/** A user name and password, as `Basic` (RFC 7617). */
interface RemoteCredential {
  username: string
  password: string
}

interface RemoteCommand {
  /** http or https, without user name and password. */
  url: string
  credential: RemoteCredential | null
  /** What stands before and after the address. */
  command: string[]
  rest: string[]
}

/**
 * Runs a git command on a repository elsewhere. Its address is resolved and guarded once and called as it is;
 * redirects are followed here, one guarded hop after the other, and a credential never leaves its own host.
 */
export async function runRemoteGit(
  { folder, addresses }: { folder: string; addresses: OutsideAddresses },
  { url: first, credential, command, rest }: RemoteCommand,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<GitResult> {
  let url = first
  for (let hop = 0; ; hop++) {
    const parsed = new URL(url)
    const address = await addresses.of(parsed)
    const port = parsed.port || (parsed.protocol === 'https:' ? '443' : '80')
    const isOwnHost = parsed.origin === new URL(first).origin
    const settings = {
      ...remoteSettings,
      [`protocol.${parsed.protocol.slice(0, -1)}.allow`]: 'always',
      'http.curloptResolve': `${parsed.hostname}:${port}:${address}`,
      // In the environment of git alone, where no list of processes shows it.
      ...(credential && isOwnHost && { 'http.extraHeader': `Authorization: Basic ${basicOf(credential)}` }),
    }
    try {
      return await runGit(folder, [...command, '--', url, ...rest], { ...options, settings })
    } catch (error) {
      if (hop >= maxHops || !/error: 30[1278]/.test(messageOf(error))) throw error
      url = await nextHop(url, address, isOwnHost ? credential : null)
    }
  }
}

const basicOf = ({ username, password }: RemoteCredential): string =>
  Buffer.from(`${username}:${password}`).toString('base64')

export async function packedBytes(mirror: string): Promise<number> {
  const folder = join(mirror, 'objects', 'pack')
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name))
        .then(({ size }) => size)
        .catch(() => 0),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Where a source sends those who ask for this repository: the same scheme, another address. */
function nextHop(url: string, address: string, credential: RemoteCredential | null): Promise<string> {
  const asked = new URL(`${url}/info/refs?service=git-upload-pack`)
  const { request } = asked.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const failed = (why: string) =>
      reject(new AppError('unavailable', 'git.failed', { message: `${asked.host} redirects in a wrong way: ${why}` }))
    const call = request(
      asked,
      {
        timeout: lookupLimitMs,
        headers: { 'user-agent': 'git/juanie', ...(credential && { authorization: `Basic ${basicOf(credential)}` }) },
        lookup: (_host, options, done) => {
          const family = address.includes(':') ? 6 : 4
          if (options.all) (done as unknown as (error: null, all: object[]) => void)(null, [{ address, family }])
          else done(null, address, family)
        },
      },
      (response) => {
        response.resume()
        const { location } = response.headers
        const next = location && URL.canParse(location, asked) ? new URL(location, asked) : null
        if (!next?.pathname.endsWith('/info/refs') || next.username) return failed('it names no repository')
        if (next.protocol !== asked.protocol) return failed('it changes the scheme')
        resolve(`${next.origin}${next.pathname.slice(0, -'/info/refs'.length)}`)
      },
    )
    call.once('timeout', () => call.destroy(new Error('no answer')))
    call.once('error', (error) => failed(error.message))
    call.end()
  })
}
