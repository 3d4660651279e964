import { readFileSync } from 'node:fs'
import { agentTokenFile, type Home } from '@juanie/core/home'
import type { ServerFile } from '@juanie/core/local-agent'
import type { ServerAddress } from '../connection/server.ts'

/** On the server's own machine: both lie in the home, and change when another server starts there. */
export const localAddress = (home: Home): ServerAddress =>
  reread({
    url: () => (JSON.parse(readFileSync(home.serverFile, 'utf8')) as ServerFile).url,
    token: () => readFileSync(agentTokenFile(home), 'utf8').trim(),
  })

/** On any other machine. */
export const remoteAddress = (url: string, tokenFile: string): ServerAddress =>
  reread({ url: () => url, token: () => readFileSync(tokenFile, 'utf8').trim() })

/** Remembers what it read until it is asked to look again. */
function reread(sources: { url(): string; token(): string }): ServerAddress {
  const known: { url: string | null; token: string | null } = { url: null, token: null }
  const attempt = (read: () => string): string | null => {
    try {
      return read() || null
    } catch {
      return null
    }
  }
  return {
    url: () => {
      known.url ??= attempt(sources.url)
      return known.url
    },
    token: () => {
      known.token ??= attempt(sources.token)
      return known.token
    },
    refresh: () => {
      known.url = null
      known.token = null
    },
  }
}
