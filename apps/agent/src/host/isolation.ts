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

export const isConfining = (isolation: HostIsolation): isolation is HostIsolation & { bubblewrap: string } =>
  isolation.bubblewrap !== null

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
        const args = [...sandboxOptions(isolation, []), '--', '/bin/sh', '-c', 'exit 0']
        const user = users[role]
        await run(program, args, { timeout: 5_000, cwd: '/', env: {}, ...(user && { uid: user.uid, gid: user.gid }) })
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
 * What bubblewrap makes: own processes, own /tmp, the system's programs read-only, and of everything else only the
 * binds. The network is shared, for an instance must be reached.
 */
function sandboxOptions({ system }: Pick<HostIsolation, 'system'>, binds: readonly Bind[]): string[] {
  const args = ['--unshare-user-try', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent']
  args.push('--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/dev/shm')
  for (const name of readdirSync('/')) {
    const path = `/${name}`
    if (lstatSync(path).isSymbolicLink() && systemFolders.includes(name)) {
      args.push('--symlink', readlinkSync(path), path)
    }
  }
  // Outer folders first: a bind hides what was bound below it before.
  const all = [...system, ...binds].sort((a, b) => a.path.length - b.path.length)
  for (const { path, isWritable } of all) args.push(isWritable ? '--bind' : '--ro-bind', path, path)
  return args
}

export interface Confined {
  argv: string[]
  /** To be written to the descriptor that `argv` names, which is then closed. */
  options: Buffer
}

/**
 * The command inside bubblewrap. The environment goes there beside the arguments, where no list of processes shows it,
 * and is not that of bubblewrap itself: LD_PRELOAD and its like would run code of the user outside. The sandbox comes
 * after the environment, so that a program whose options were cut off by the agent's death finds nothing to run.
 */
export function confined(
  isolation: HostIsolation & { bubblewrap: string },
  argv: readonly string[],
  options: { env: Record<string, string>; binds: readonly Bind[]; cwd: string; descriptor: number },
): Confined {
  const { env, binds, cwd, descriptor } = options
  const words: string[] = []
  for (const [name, value] of Object.entries(env)) {
    if (`${name}${value}`.includes('\0')) throw new Error(`The environment variable ${name} holds a NUL character.`)
    // What is no name for the C library cannot reach a program.
    if (name !== '' && !name.includes('=')) words.push('--setenv', name, value)
  }
  words.push(...sandboxOptions(isolation, binds))
  return {
    argv: [isolation.bubblewrap, '--args', String(descriptor), '--chdir', cwd, '--', ...argv],
    options: Buffer.from(words.map((word) => `${word}\0`).join('')),
  }
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
