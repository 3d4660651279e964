import { homedir } from 'node:os'
import { join } from 'node:path'

/** What the command line takes from its environment. */
export interface ClientConfig {
  /** `$XDG_CONFIG_HOME/juanie`: where the login lies. */
  folder: string
  /** JUANIE_TOKEN: wins over the login. */
  token: string | null
  /** JUANIE_URL: the server that JUANIE_TOKEN is for. */
  url: string | null
}

export function loadClientConfig(env: NodeJS.ProcessEnv): ClientConfig {
  const base = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(env.HOME || homedir(), '.config')
  return { folder: join(base, 'juanie'), token: env.JUANIE_TOKEN || null, url: env.JUANIE_URL || null }
}
