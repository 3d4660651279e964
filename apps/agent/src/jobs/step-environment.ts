import { dirname } from 'node:path'
import { arch, platform } from 'node:process'
import type { LeasedJob } from '@juanie/services/hosts/contract'
import type { JobFolders } from './folders.ts'

const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const runnerOs = platform === 'darwin' ? 'macOS' : platform === 'win32' ? 'Windows' : 'Linux'
const runnerArch = arch === 'arm64' ? 'ARM64' : arch === 'x64' ? 'X64' : arch.toUpperCase()

export const runnerContext = (folders: JobFolders): Record<string, string> => ({
  name: 'juanie',
  os: runnerOs,
  arch: runnerArch,
  temp: folders.temp,
  tool_cache: folders.toolCache,
  workspace: dirname(folders.workspace),
  environment: 'self-hosted',
  debug: '',
})

const githubVariables = [
  'action',
  'action_path',
  'action_ref',
  'action_repository',
  'actor',
  'actor_id',
  'api_url',
  'base_ref',
  'event_name',
  'event_path',
  'graphql_url',
  'head_ref',
  'job',
  'ref',
  'ref_name',
  'ref_protected',
  'ref_type',
  'repository',
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'run_attempt',
  'run_id',
  'run_number',
  'server_url',
  'sha',
  'triggering_actor',
  'workflow',
  'workflow_ref',
  'workflow_sha',
  'workspace',
  'retention_days',
] as const

/** A clean environment: of the agent's own only what its operator names. */
export function jobEnvironment(
  job: LeasedJob,
  folders: JobFolders,
  options: { given: Record<string, string>; nodeFolder: string; github: Record<string, unknown> },
): Record<string, string> {
  const environment: Record<string, string> = {
    ...options.given,
    PATH: `${options.nodeFolder}:${standardPath}`,
    HOME: folders.home,
    TMPDIR: folders.temp,
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    USER: 'juanie',
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    JUANIE: 'true',
    RUNNER_NAME: 'juanie',
    RUNNER_OS: runnerOs,
    RUNNER_ARCH: runnerArch,
    RUNNER_TEMP: folders.temp,
    RUNNER_TOOL_CACHE: folders.toolCache,
    RUNNER_WORKSPACE: dirname(folders.workspace),
    RUNNER_ENVIRONMENT: 'self-hosted',
  }
  for (const name of githubVariables) {
    const value = options.github[name]
    if (value !== undefined && value !== null) environment[`GITHUB_${name.toUpperCase()}`] = String(value)
  }
  environment.GITHUB_JOB = job.instance.job.id
  return environment
}
