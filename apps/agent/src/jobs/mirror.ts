import { execFile } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LeasedJob } from '@juanie/services/hosts/contract'

const run = promisify(execFile)
const fetchLimitMs = 10 * 60_000

/** Git of the agent's own: nothing of the machine's or a repository's configuration can make it run a program. */
export const gitOptions = [
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'core.fsmonitor=false',
  '-c',
  'protocol.ext.allow=never',
  '-c',
  'safe.directory=*',
]

export const gitEnvironment = (home: string): Record<string, string> => ({
  PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: home,
  LANG: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ADVICE: '0',
})

/** One fetch at a time into each mirror. */
const underWay = new Map<string, Promise<void>>()

/**
 * A bare repository on this host that has the job's commit: the server's own where both share a disk, else a mirror
 * of the agent's, into which the exact commit is fetched from the server.
 */
export async function sourceOf(
  job: LeasedJob,
  parts: { mirrors: string; serverUrl: string | null; signal: AbortSignal },
): Promise<string> {
  const { localPath, commit, path, gitToken } = job.repository
  if (localPath !== null && existsSync(join(localPath, 'objects'))) return localPath
  if (parts.serverUrl === null) throw new Error('The server that holds the repository cannot be reached now.')
  const mirror = join(parts.mirrors, `${job.projectId}.git`)
  const url = new URL(path, parts.serverUrl).href
  const before = underWay.get(mirror) ?? Promise.resolve()
  const fetched = before
    .catch(() => {})
    .then(() => fetchCommit({ mirror, mirrors: parts.mirrors, url, commit, token: gitToken, signal: parts.signal }))
  underWay.set(mirror, fetched)
  try {
    await fetched
  } finally {
    if (underWay.get(mirror) === fetched) underWay.delete(mirror)
  }
  return mirror
}

async function fetchCommit(what: {
  mirror: string
  mirrors: string
  url: string
  commit: string
  token: string
  signal: AbortSignal
}): Promise<void> {
  const { mirror, url, commit, token, signal } = what
  mkdirSync(what.mirrors, { recursive: true, mode: 0o711 })
  // The token travels in the environment, never in an argument or a file.
  const env = {
    ...gitEnvironment(what.mirrors),
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`juanie:${token}`).toString('base64')}`,
  }
  const git = (args: string[]) =>
    run('git', [...gitOptions, ...args], { env, signal, timeout: fetchLimitMs, maxBuffer: 4 * 1024 * 1024 })
  if (!existsSync(join(mirror, 'HEAD'))) await git(['init', '--quiet', '--bare', '--', mirror])
  const refs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*', `+${commit}:refs/juanie/${commit}`]
  await git(['-C', mirror, 'fetch', '--quiet', '--prune', '--no-write-fetch-head', '--no-auto-gc', '--', url, ...refs])
}
