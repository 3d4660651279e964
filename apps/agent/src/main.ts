import { realpathSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadConfig } from '@juanie/core/config'
import { StartError } from '@juanie/core/start-error'
import { endAll, startAgent } from './agent.ts'

const usage = 'Usage: agent.mjs [--home DIR] [--server URL --token-file FILE] | agent.mjs down'

async function main(): Promise<void> {
  const { values, positionals } = parse()
  const config = loadConfig({ ...process.env, ...(values.home === undefined ? {} : { JUANIE_HOME: values.home }) })
  const program = realpathSync(process.argv[1] ?? '')
  if (positionals[0] === 'down') return endAll({ config, program })
  const server = values.server && values['token-file'] ? { url: values.server, tokenFile: values['token-file'] } : null
  let end: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const agent = await startAgent({
    config,
    program,
    server,
    say: (line) => console.log(`${new Date().toISOString()} ${line}`),
    onReplace: end,
  })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end)
  await ended
  await agent.release()
}

function parse() {
  try {
    const parsed = parseArgs({
      options: { home: { type: 'string' }, server: { type: 'string' }, 'token-file': { type: 'string' } },
      allowPositionals: true,
    })
    const { values, positionals } = parsed
    if ((values.server === undefined) !== (values['token-file'] === undefined)) {
      throw new StartError(`--server and --token-file belong together. ${usage}`)
    }
    if (values.server !== undefined && !/^https?:\/\/[^/]+\/?$/.test(values.server)) {
      throw new StartError(`--server must be an address like https://juanie.example.com. ${usage}`)
    }
    if (positionals.length > 1 || (positionals[0] !== undefined && positionals[0] !== 'down')) {
      throw new StartError(`There is no command ${JSON.stringify(positionals.join(' '))}. ${usage}`)
    }
    return parsed
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`${(error as Error).message} ${usage}`, { cause: error })
  }
}

main().then(
  // Kept connections and watchers hold nothing that matters any more.
  () => process.exit(0),
  (error) => {
    console.error(error instanceof StartError ? error.message : error)
    process.exit(1)
  },
)
