import { homedir } from 'node:os'
import { join } from 'node:path'

/** What the command line takes from its environment. */
export interface ClientConfig {
  /** `$XDG_CONFIG_HOME/juanie`: where the login lies. */
  folder: string
  /** `$XDG_CACHE_HOME/juanie`: what is kept between runs of workflows without a server. */
  cache: string
  /** JUANIE_TOKEN: wins over the login. */
  token: string | null
  /** JUANIE_URL: the server that JUANIE_TOKEN is for, and to which one signs in. */
  url: string | null
  /** Where the server of this machine answers: PORT names its port here as it does at its start. */
  usualUrl: string
}

export function loadClientConfig(env: NodeJS.ProcessEnv): ClientConfig {
  const base = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(env.HOME || homedir(), '.config')
  const cacheBase = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(env.HOME || homedir(), '.cache')
  return {
    folder: join(base, 'juanie'),
    cache: join(cacheBase, 'juanie'),
    token: env.JUANIE_TOKEN?.trim() || null,
    url: env.JUANIE_URL || null,
    usualUrl: `http://127.0.0.1:${portOf(env.PORT) ?? 3000}`,
  }
}

/** Null for what is no port, and for 0, which lets the server take any free one. */
function portOf(text: string | undefined): number | null {
  const port = Number(text)
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null
}
