import { Command } from 'commander'
import manifest from '../../../package.json' with { type: 'json' }
import { addArtifactCommands } from './commands/artifacts.ts'
import { addAuthCommands } from './commands/auth.ts'
import { addDeliveryCommands } from './commands/connections.ts'
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
import { addWorkflowCommands } from './commands/workflows.ts'

const hint = 'Add --help to see what this command takes.'

/** Every command with its arguments and options, which `docs/cli.md` lists. */
export function juanie(): Command {
  const program = new Command('juanie')
    .description('Push, run, release, deploy, verify, keep or roll back.')
    .version(manifest.version, '-V, --version', 'show the version')
    .exitOverride()
    .showHelpAfterError(hint)

  addAuthCommands(program)
  addOrganizationCommands(program)
  addProjectCommands(program)
  addRepositoryCommands(program)
  addDeliveryCommands(program)
  addRunCommands(program)
  addWorkflowCommands(program)
  addArtifactCommands(program)
  addLogsCommand(program)
  addReleaseCommands(program)
  addEnvironmentCommands(program)
  addSettingCommands(program)
  addDeploymentCommands(program)
  addStatusCommand(program)
  addLocalCommands(program)

  for (const command of commandsBelow(program)) command.exitOverride().showHelpAfterError(hint)
  return program
}

export function commandsBelow(command: Command): Command[] {
  return command.commands.flatMap((each) => [each as Command, ...commandsBelow(each as Command)])
}
