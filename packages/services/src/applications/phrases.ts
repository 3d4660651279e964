import type { Command, Health } from './contract.ts'

/** A command as one would type it. */
export function commandText(command: Command): string {
  if (command.kind === 'shell') return command.line
  if (command.kind === 'static')
    return `files of ${command.root}${command.fallback ? ` (else ${command.fallback})` : ''}`
  return command.argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')
}

/** What is asked of an instance to see whether it is healthy. */
export function healthText(health: Health): string {
  if (health.kind === 'command') return commandText(health.command)
  if (health.kind === 'default') return 'GET / below 500'
  const ranges = health.status.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`))
  return `GET ${health.path} ${ranges.join(', ')}`
}
