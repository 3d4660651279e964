import { Command } from 'commander'
import { addAuthCommands } from './commands/auth.ts'
import { addDeploymentCommands } from './commands/deployments.ts'
import { addEnvironmentCommands } from './commands/environments.ts'
import { addLocalCommands } from './commands/local.ts'
import { addLogsCommand } from './commands/logs.ts'
import { addOrganizationCommands } from './commands/organizations.ts'
import { addProjectCommands } from './commands/projects.ts'
import { addReleaseCommands } from './commands/releases.ts'
import { addRepositoryCommands } from './commands/repository.ts'
import { addRunCommands } from './commands/runs.ts'
import { addSettingCommands } from './commands/settings.ts'
import { addStatusCommand } from './commands/status.ts'
import { explain } from './exit.ts'

const program = new Command('juanie')
  .description('Push, run, release, deploy, verify, keep or roll back.')
  .exitOverride()
  .showHelpAfterError('Add --help to see what this command takes.')
  .configureHelp({ showGlobalOptions: true })

addAuthCommands(program)
addOrganizationCommands(program)
addProjectCommands(program)
addRepositoryCommands(program)
addRunCommands(program)
addLogsCommand(program)
addReleaseCommands(program)
addEnvironmentCommands(program)
addSettingCommands(program)
addDeploymentCommands(program)
addStatusCommand(program)
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
