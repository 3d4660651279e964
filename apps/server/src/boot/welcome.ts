import { join } from 'node:path'
import type { Config } from '@juanie/core/config'
import type { Home } from '@juanie/core/home'
import type { AgentHolder } from '@juanie/core/lock'

/** What the first administrator does next: open the link, or sign in with the account that the configuration made. */
type FirstSteps = { kind: 'setup'; url: string } | { kind: 'ready'; email: string | null }

type Facts = { config: Config; home: Home; agent: AgentHolder; url: string; firstSteps: FirstSteps }

const isolationMeans: Record<string, string> = {
  isolated: 'isolated: steps and applications run under bubblewrap',
  'separate users':
    'separate users: steps and applications run as users of their own, projects are not protected from each other',
  trusted: 'trusted: steps and applications run as this very user',
}

/** Where to go next, as the start prints it. */
export function welcome({ config, home, agent, url, firstSteps }: Facts): string {
  const address = config.isUrlGiven ? config.url : url
  const edge = agent.edge ?? { host: config.edgeHost, port: config.edgePort }
  const suffix = edge.port === 80 ? '' : `:${edge.port}`
  const next =
    firstSteps.kind === 'setup'
      ? [`Set up the first administrator (the link works once):`, `  ${firstSteps.url}`]
      : [`The account ${firstSteps.email ?? 'of the administrator'} is ready. Sign in at`, `  ${address}`]
  const rows = [
    ['Juanie', address],
    ['Applications', `http://<project>-<environment>.${config.baseDomain}${suffix}`],
    ['Home', home.isMoved ? `${home.path} (${home.given} leads there)` : home.path],
    ['Isolation', isolationMeans[agent.isolation ?? ''] ?? agent.isolation ?? 'unknown'],
    ['Command', join(config.root, 'apps', 'cli', 'bin', 'juanie.mjs')],
  ]
  const lines = rows.map(([name, value]) => `  ${name!.padEnd(13)} ${value}`)
  const hint = `  ${''.padEnd(13)} call it from anywhere, link it into a folder of your PATH, or say "npx juanie" in the clone`
  return ['', 'Juanie is up.', ...lines, hint, '', ...next, ''].join('\n')
}
