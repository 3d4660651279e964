import { pathToFileURL } from 'node:url'
import { loadConfig } from '@juanie/core/config'
import { openHome } from '@juanie/core/home'
import { agentProgram } from '@juanie/core/local-agent'
import { findHolder } from '@juanie/core/lock'
import { StartError } from '@juanie/core/start-error'

/**
 * Runs the agent in this very process, in the foreground; the next start of the server adopts it. `args` are those of
 * the agent itself: none on the server's own machine, `--server URL --token-file F` on others.
 */
export async function runAgent(env: Readonly<Record<string, string | undefined>>, args: string[]): Promise<void> {
  const config = loadConfig(env)
  const home = openHome(config.home)
  const living = await findHolder(home, 'agent')
  if (living) throw new StartError(`An agent already runs on ${home.given} (process ${living.pid}).`)
  const program = agentProgram(config.root)
  process.argv.splice(1, process.argv.length, program, ...args)
  await import(pathToFileURL(program).href)
}
