import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type SystemUser = { name: string; uid: number; gid: number; groupName: string }

/** Null when the machine has no such user. */
export function findUser(user: string | number): SystemUser | null {
  for (const line of entries('passwd', String(user))) {
    const [name = '', , uid, gid] = line.split(':')
    if (name === user || Number(uid) === user) {
      return { name, uid: Number(uid), gid: Number(gid), groupName: groupName(Number(gid)) ?? String(gid) }
    }
  }
  return null
}

/**
 * Finds a user of the system, or makes one that can neither sign in nor has a home. Needs root. Null where the machine
 * does not let one be made: the caller says what to do.
 */
export function ensureUser(name: string): SystemUser | null {
  const known = findUser(name)
  if (known) return known
  const attempts: [string, string[]][] = [
    [
      'useradd',
      ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/bin/false', name],
    ],
    ['adduser', ['-S', '-D', '-H', '-h', '/nonexistent', '-s', '/bin/false', name]],
  ]
  for (const [program, args] of attempts) {
    try {
      execFileSync(program, args, { stdio: 'ignore', timeout: 20_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
    } catch {
      continue
    }
    const made = findUser(name)
    if (made) return made
  }
  return null
}

function groupName(gid: number): string | null {
  return (
    entries('group', String(gid))
      .find((line) => Number(line.split(':')[2]) === gid)
      ?.split(':')[0] ?? null
  )
}

/** The file first, which is fast; `getent` knows the users that come from a directory service. */
function entries(database: 'passwd' | 'group', key: string): string[] {
  const lines: string[] = []
  try {
    lines.push(...readFileSync(`/etc/${database}`, 'utf8').split('\n'))
  } catch {
    // A machine without the file has no local users; a directory may still know some.
  }
  if (lines.some((line) => line.split(':').includes(key))) return lines
  try {
    lines.push(
      ...execFileSync('getent', [database, key], {
        encoding: 'utf8',
        timeout: 5_000,
        stdio: ['ignore', 'pipe', 'ignore'],
      }).split('\n'),
    )
  } catch {
    // Without getent, or without such an entry, the file is all there is.
  }
  return lines
}
