import type { Command } from 'commander'
import { exitCodes } from '../exit.ts'
import { runAgent } from '../local/agent.ts'
import { doctor } from '../local/doctor.ts'
import { down } from '../local/down.ts'
import { up } from '../local/up.ts'
import { printJson, printTable } from '../output.ts'

/** The commands that act on this machine and need no server. */
export function addLocalCommands(program: Command): void {
  program
    .command('up')
    .description('Start Juanie in the background; returns when it is ready')
    .option('--json', 'print JSON')
    .action(startInBackground)
  program
    .command('down')
    .description('End everything: server, database, agent, edge and applications')
    .option('--json', 'print JSON')
    .action(endEverything)
  program
    .command('agent')
    .description('Run the agent alone, in the foreground')
    .option('--server <url>', 'address of the server, when it is on another machine')
    .option('--token-file <file>', 'file that holds the token of this agent')
    .action(startAgent)
  program
    .command('doctor')
    .description('Look at this machine, the configuration and what runs')
    .option('--json', 'print JSON')
    .action(examine)
}

async function startInBackground({ json }: { json?: boolean }): Promise<void> {
  const result = await up(process.env)
  if (json) printJson(result)
  else process.stdout.write(`${result.text}\n`)
}

async function endEverything({ json }: { json?: boolean }): Promise<void> {
  const result = await down(process.env)
  if (json) printJson(result)
  else if (result.ended.length === 0) process.stdout.write(`Nothing runs on ${result.home}.\n`)
  else process.stdout.write(`Ended on ${result.home}: ${result.ended.join(', ')}.\n`)
}

async function startAgent({ server, tokenFile }: { server?: string; tokenFile?: string }): Promise<void> {
  const args = [...(server ? ['--server', server] : []), ...(tokenFile ? ['--token-file', tokenFile] : [])]
  await runAgent(process.env, args)
}

async function examine({ json }: { json?: boolean }): Promise<void> {
  const findings = await doctor(process.env)
  if (json) printJson(findings)
  else {
    const signs = { good: 'ok', hint: 'hint', wrong: 'WRONG' }
    printTable(
      ['', 'what', 'finding'],
      findings.map(({ name, verdict, says }) => [signs[verdict], name, says]),
      '',
    )
  }
  if (findings.some(({ verdict }) => verdict === 'wrong')) process.exitCode = exitCodes.failed
}
