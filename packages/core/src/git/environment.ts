/**
 * The environment of every git that Juanie starts: nothing of the machine's or the user's own configuration holds,
 * nothing asks, and no configuration of a repository makes git run a program.
 */
export function gitEnvironment(settings: Record<string, string> = {}): NodeJS.ProcessEnv {
  const all = Object.entries({ ...always, ...settings })
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_CONFIG_COUNT: String(all.length),
  }
  for (const [index, [key, value]] of all.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key
    env[`GIT_CONFIG_VALUE_${index}`] = value
  }
  return env
}

const always: Record<string, string> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'protocol.ext.allow': 'never',
  'protocol.file.allow': 'never',
  // The home may belong to another user than the server, e.g. root's by sudo.
  'safe.directory': '*',
  'gc.auto': '0',
  'maintenance.auto': 'false',
}

/** Hidden from every client, for reading and for pushing. */
const hidden = { 'transfer.hideRefs': 'refs/juanie' }

export const uploadSettings: Record<string, string> = {
  ...hidden,
  'uploadpack.allowFilter': 'true',
  // An agent fetches the exact commit of its run, which a forced push may have left without a branch.
  'uploadpack.allowAnySHA1InWant': 'true',
}

export const receiveSettings = (maxBytes: number): Record<string, string> => ({
  ...hidden,
  'receive.maxInputSize': String(maxBytes),
  'receive.autogc': 'false',
  'receive.fsckObjects': 'true',
  // Found in the history of well-known repositories, and harmless.
  'receive.fsck.zeroPaddedFilemode': 'ignore',
  'receive.fsck.missingSpaceBeforeDate': 'ignore',
  'receive.fsck.badTimezone': 'ignore',
  'receive.fsck.missingNameBeforeEmail': 'ignore',
  'receive.advertiseAtomic': 'true',
})

/** What a repository of Juanie's says of itself, for whoever looks at it by hand as well. */
export const repositoryConfig = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = always
\tsharedRepository = 0644
\tfsync = committed,loose-object,reference
\tfsyncMethod = batch
[gc]
\tauto = 0
[receive]
\tautogc = false
`
