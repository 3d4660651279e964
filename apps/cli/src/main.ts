import { Command } from 'commander'
import { addAuthCommands } from './commands/auth.ts'
import { addLocalCommands } from './commands/local.ts'
import { addOrganizationCommands } from './commands/organizations.ts'
import { addProjectCommands } from './commands/projects.ts'
import { addSettingCommands } from './commands/settings.ts'
import { explain } from './exit.ts'

const program = new Command('juanie')
  .description('Push, run, release, deploy, verify, keep or roll back.')
  .exitOverride()
  .showHelpAfterError('Add --help to see what this command takes.')
  .configureHelp({ showGlobalOptions: true })

addAuthCommands(program)
addOrganizationCommands(program)
addProjectCommands(program)
addSettingCommands(program)
addLocalCommands(program)

for (const command of commandsBelow(program))
  command.exitOverride().showHelpAfterError('Add --help to see what this command takes.')

// A reader that goes away, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = explain(error)
}

function commandsBelow(command: Command): Command[] {
  return command.commands.flatMap((each) => [each as Command, ...commandsBelow(each as Command)])
}
