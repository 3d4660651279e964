import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Home, writeSecret } from '../home.ts'
import { StartError } from '../start-error.ts'
import { ensureUser, findUser, type SystemUser } from '../system-user.ts'
import type { Binaries } from './binaries.ts'
import { explain } from './explain.ts'

const run = promisify(execFile)

/**
 * Who PostgreSQL runs as: it refuses root, so root gives it another user; null for the user that this process has.
 * A data folder that exists keeps its owner.
 */
export function databaseUser(home: Home): SystemUser | null {
  if (process.getuid?.() !== 0) return null
  const owner = fs.statSync(dataFolder(home), { throwIfNoEntry: false })?.uid
  if (owner) return findUser(owner) ?? { name: String(owner), uid: owner, gid: owner, groupName: String(owner) }
  const user = findUser('juanie') ?? findUser('postgres') ?? ensureUser('juanie') ?? findUser('nobody')
  if (user) return user
  throw new StartError(
    'PostgreSQL does not run as root, and no user could be made for it. Make one: useradd --system juanie',
  )
}

export const dataFolder = (home: Home) => join(home.database, 'data')

/** The password of the superuser `juanie`, made once. */
export function readPassword(home: Home): string {
  const file = join(home.database, 'password')
  if (!fs.existsSync(file)) {
    if (fs.existsSync(dataFolder(home))) {
      throw new StartError(
        `${file} is missing, and without it the database cannot be opened. Put it back from a backup.`,
      )
    }
    writeSecret(file, randomBytes(24).toString('base64url'))
  }
  return fs.readFileSync(file, 'utf8').trim()
}

/** Makes the data folder where there is none. What an interrupted attempt left is thrown away. */
export async function initialize(
  home: Home,
  binaries: Binaries,
  user: SystemUser | null,
  isDurable: boolean,
): Promise<void> {
  // Root keeps the folder reachable for the database's user, who owns it.
  if (user) fs.chownSync(home.database, user.uid, user.gid)
  const data = dataFolder(home)
  if (fs.existsSync(data)) return
  const fresh = `${data}.new`
  const passwordFile = join(home.database, 'initdb.password')
  fs.rmSync(fresh, { recursive: true, force: true })
  fs.rmSync(passwordFile, { force: true })
  fs.writeFileSync(passwordFile, readPassword(home), { mode: 0o600, flag: 'wx' })
  if (user) fs.chownSync(passwordFile, user.uid, user.gid)
  const args = ['-D', fresh, '-U', 'juanie', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  // The locale of the environment must not decide the encoding: LANG=POSIX would give SQL_ASCII.
  args.push('-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8')
  if (!isDurable) args.push('--no-sync')
  try {
    await run(binaries.initdb, args, {
      cwd: home.database,
      env: { PATH: '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' },
      timeout: 120_000,
      ...(user && { uid: user.uid, gid: user.gid }),
    })
    fs.renameSync(fresh, data)
  } catch (error) {
    fs.rmSync(fresh, { recursive: true, force: true })
    throw explain(home, `PostgreSQL could not make its data in ${home.database}`, error)
  } finally {
    fs.rmSync(passwordFile, { force: true })
  }
}
