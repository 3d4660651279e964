import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { stepUser } from '@juanie/core/home'
import { StartError } from '@juanie/core/start-error'
import { ensureUser, type SystemUser } from '@juanie/core/system-user'
import type { Isolation } from '@juanie/services/hosts/contract'

/** User whose processes applications are. */
const applicationUser = 'juanie-app'

export type Role = 'step' | 'application'

/** A folder or file that a confined program sees, at the same place as outside. */
export interface Bind {
  path: string
  isWritable: boolean
}

/** What this host can do to keep the programs of users apart. */
export interface HostIsolation {
  kind: Isolation
  /** Null: the agent's own user. */
  users: Record<Role, SystemUser | null>
  /** Path of bubblewrap where it works. */
  bubblewrap: string | null
  /** What a program sees besides its own folders: the system's programs, and the Node that Juanie gives it. */
  system: Bind[]
}

const run = promisify(execFile)

/**
 * Finds out once, by trying, what holds on this host. As root without the two users, nothing is started: throws a
 * `StartError` that says what to do.
 */
export async function findIsolation(options: {
  /** Folders of programs outside of the system's own, e.g. the Node that applications get. */
  tools: string[]
  /** False leaves bubblewrap out, for tests of what holds without it. */
  useBubblewrap?: boolean
  path?: string
}): Promise<HostIsolation> {
  const isRoot = process.getuid?.() === 0
  const users = { step: null, application: null } as Record<Role, SystemUser | null>
  if (isRoot) {
    users.step = demandUser(stepUser)
    users.application = demandUser(applicationUser)
  }
  const system = systemBinds(options.tools)
  const bubblewrap = options.useBubblewrap === false ? null : await workingBubblewrap(users, system, options.path)
  return { kind: bubblewrap ? 'isolated' : isRoot ? 'separate users' : 'trusted', users, bubblewrap, system }
}

function demandUser(name: string): SystemUser {
  const user = ensureUser(name)
  if (user) return user
  throw new StartError(
    `As root, Juanie runs programs of others as the user ${name}, which is missing and could not be made. Make it with: useradd --system --user-group --no-create-home ${name} — or start Juanie as an ordinary user.`,
  )
}

async function workingBubblewrap(
  users: Record<Role, SystemUser | null>,
  system: Bind[],
  path = process.env.PATH ?? '/usr/bin:/bin',
): Promise<string | null> {
  for (const folder of path.split(delimiter)) {
    const program = join(folder, 'bwrap')
    try {
      accessSync(program, constants.X_OK)
    } catch {
      continue
    }
    const isolation = { kind: 'isolated', users, bubblewrap: program, system } as const
    try {
      for (const role of ['step', 'application'] as const) {
        const [file = '', ...args] = confined(isolation, ['/bin/sh', '-c', 'exit 0'], { binds: [], cwd: '/' })
        const user = users[role]
        await run(file, args, { timeout: 5_000, cwd: '/', env: {}, ...(user && { uid: user.uid, gid: user.gid }) })
      }
      return program
    } catch {
      // Some systems forbid user namespaces; then the program is there and does not work.
      return null
    }
  }
  return null
}

/**
 * The command inside bubblewrap: own processes, own /tmp, the system's programs read-only, and of everything else only
 * the binds. The network is shared, for an instance must be reached. Values of the environment are never among the
 * arguments.
 */
export function confined(
  isolation: HostIsolation,
  argv: readonly string[],
  options: { binds: readonly Bind[]; cwd: string },
): string[] {
  if (!isolation.bubblewrap) return [...argv]
  const args = ['--unshare-user-try', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent']
  args.push('--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/dev/shm')
  for (const name of readdirSync('/')) {
    const path = `/${name}`
    if (lstatSync(path).isSymbolicLink() && systemFolders.includes(name)) {
      args.push('--symlink', readlinkSync(path), path)
    }
  }
  // Outer folders first: a bind hides what was bound below it before.
  const binds = [...isolation.system, ...options.binds].sort((a, b) => a.path.length - b.path.length)
  for (const { path, isWritable } of binds) args.push(isWritable ? '--bind' : '--ro-bind', path, path)
  return [isolation.bubblewrap, ...args, '--chdir', options.cwd, '--', ...argv]
}

const systemFolders = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'opt', 'nix', 'gnu']

function systemBinds(tools: string[]): Bind[] {
  const paths = systemFolders
    .map((name) => `/${name}`)
    .filter((path) => existsSync(path) && !lstatSync(path).isSymbolicLink())
  // Name resolution: /etc/resolv.conf is a link into one of these on many systems.
  for (const path of ['/run/systemd/resolve', '/run/resolvconf', '/sys/devices/system/cpu', '/sys/fs/cgroup']) {
    if (existsSync(path)) paths.push(path)
  }
  for (const tool of tools) {
    if (!paths.some((path) => `${tool}/`.startsWith(`${path}/`))) paths.push(tool)
  }
  return paths.map((path) => ({ path, isWritable: false }))
}
