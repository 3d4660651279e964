import { createHash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { StartError } from './start-error.ts'
import { findUser } from './system-user.ts'

/** Where everything lies that one installation keeps. All paths are absolute and free of links. */
export type Home = {
  /** The folder that holds the data. */
  path: string
  /** What JUANIE_HOME says; differs from `path` when the data lies elsewhere. */
  given: string
  isMoved: boolean
  /** 0700, of the user that PostgreSQL runs as. */
  database: string
  /** 0700. */
  blobs: string
  /** Pieces of what jobs store. */
  pieces: string
  /** Bare repositories, readable for the group of the user that runs steps. */
  repositories: string
  /** 0700: mirrors of the repositories that actions come from. */
  actions: string
  /** One folder per job or instance, each owned by its user; others may pass through, not look. */
  agent: string
  /** 0700. */
  logs: string
  /** 0700: the lock, and what the living programs tell each other. */
  run: string
  masterKeyFile: string
  /** Where the local agent reads the server's address, see `ServerFile`. */
  serverFile: string
}

/** As root, data that others must pass through to lies here when JUANIE_HOME is behind a folder that is closed to them. */
const movedHomes = '/var/lib/juanie'

/** User whose processes read repositories while they run steps. */
export const stepUser = 'juanie-run'

const isRoot = () => process.getuid?.() === 0

/** The home as it is, without making anything; null when there is none yet. */
export function findHome(given: string): Home | null {
  const path = realpath(given)
  return path && fs.existsSync(join(path, 'run')) ? describe(path, given) : null
}

/**
 * Makes the home where it is missing and sets the modes that keep others out. Safe to repeat. As root, when a folder
 * above the home is closed to other users, the data lies below /var/lib/juanie and `given` is a link to it: the users
 * that PostgreSQL, steps and applications run as could not reach it otherwise.
 */
export function openHome(given: string): Home {
  try {
    const path = isRoot() && closedFolder(dirname(nearest(given))) ? move(given) : make(given)
    const home = describe(path, given)
    secure(home)
    return home
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new StartError(
        `JUANIE_HOME: ${path ?? given} may not be written by this user. Give a folder that is yours. Example: JUANIE_HOME=/srv/juanie`,
        { cause: error },
      )
    }
    if (code === 'ENOTDIR' || code === 'EEXIST') {
      throw new StartError(
        `JUANIE_HOME: ${given} is not a folder. Give one that is, or that does not exist yet. Example: JUANIE_HOME=/srv/juanie`,
        { cause: error },
      )
    }
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new StartError(`The disk that holds ${given} is full. Free some space, then start again.`, { cause: error })
    }
    throw error
  }
}

/**
 * The key that seals the secrets of an embedded installation: made once, then only read. A home that has a database
 * and no key is refused, because a new key could not open what the old one sealed.
 */
export function readMasterKey(home: Home): Buffer {
  const known = readKey(home.masterKeyFile)
  if (known) return known
  if (fs.existsSync(join(home.database, 'data'))) {
    throw new StartError(
      `${home.masterKeyFile} is missing, and without it the secrets in the database cannot be read. Put it back from a backup, or set JUANIE_MASTER_KEY to its content.`,
    )
  }
  writeSecret(home.masterKeyFile, `${randomBytes(32).toString('base64')}\n`)
  return readKey(home.masterKeyFile)!
}

/** The token by which the local agent signs in: the server stores its hash and writes this file, the agent reads it. */
export const agentTokenFile = (home: Home): string => join(home.run, 'agent.token')

function readKey(file: string): Buffer | null {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const key = Buffer.from(text, 'base64')
  if (key.length !== 32) {
    throw new StartError(`${file} is damaged: it must hold 32 bytes as base64. Put it back from a backup.`)
  }
  fs.chmodSync(file, 0o600)
  return key
}

/** Writes a file of mode 0600 so that after a crash it is there whole or not at all. */
export function writeSecret(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.new`
  fs.rmSync(temporary, { force: true })
  const descriptor = fs.openSync(temporary, 'wx', 0o600)
  try {
    fs.writeSync(descriptor, content)
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
  fs.renameSync(temporary, file)
  const folder = fs.openSync(dirname(file), 'r')
  try {
    fs.fsyncSync(folder)
  } finally {
    fs.closeSync(folder)
  }
}

/** The first existing folder from the root down to `path`, inclusive, that other users may not pass through. */
export function closedFolder(path: string): string | null {
  const folders: string[] = []
  for (let folder = path; ; folder = dirname(folder)) {
    folders.unshift(folder)
    if (dirname(folder) === folder) break
  }
  return folders.find((folder) => ((fs.statSync(folder, { throwIfNoEntry: false })?.mode ?? 1) & 0o001) === 0) ?? null
}

/** Whether another user may run or read this file. */
export function isReachable(file: string): boolean {
  const real = fs.realpathSync(file)
  return closedFolder(dirname(real)) === null && (fs.statSync(real).mode & 0o005) === 0o005
}

/** A Node that other users can run, for what root starts as them: this one, or a copy of it in the home. */
export function reachableNode(home: Home): string {
  const own = fs.realpathSync(process.execPath)
  if (!isRoot() || isReachable(own)) return own
  const copy = join(home.path, 'bin', `node-${process.version}`)
  if (!fs.existsSync(copy)) {
    fs.mkdirSync(dirname(copy), { recursive: true, mode: 0o755 })
    const temporary = `${copy}.${process.pid}.new`
    fs.copyFileSync(own, temporary)
    fs.chmodSync(temporary, 0o755)
    fs.renameSync(temporary, copy)
  }
  return copy
}

function describe(path: string, given: string): Home {
  return {
    path,
    given,
    isMoved: path !== realParent(given),
    database: join(path, 'database'),
    blobs: join(path, 'blobs'),
    pieces: join(path, 'pieces'),
    repositories: join(path, 'repositories'),
    actions: join(path, 'actions'),
    agent: join(path, 'agent'),
    logs: join(path, 'logs'),
    run: join(path, 'run'),
    masterKeyFile: join(path, 'master.key'),
    serverFile: join(path, 'run', 'server.json'),
  }
}

/** The given path with the links above it resolved, but not itself. */
function realParent(given: string): string {
  const parent = realpath(dirname(given))
  return parent ? join(parent, basename(given)) : given
}

function realpath(path: string): string | null {
  try {
    return fs.realpathSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return null
    throw error
  }
}

/** The path itself with its links resolved, or the same below the nearest folder that exists. */
function nearest(path: string): string {
  const missing: string[] = []
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const real = realpath(folder)
    if (real) return join(real, ...missing)
    missing.unshift(basename(folder))
  }
}

function make(given: string): string {
  const first = fs.mkdirSync(given, { recursive: true, mode: isRoot() ? 0o755 : 0o700 })
  if (first && isRoot()) {
    // Folders that were just made must let other users pass whatever the umask of root is.
    for (let made = resolve(given); made.length >= first.length; made = dirname(made)) fs.chmodSync(made, 0o755)
    fs.chmodSync(given, 0o711)
  }
  return fs.realpathSync(given)
}

function move(given: string): string {
  const target = join(movedHomes, createHash('sha256').update(resolve(given)).digest('hex').slice(0, 12))
  const present = fs.lstatSync(given, { throwIfNoEntry: false })
  if (present?.isSymbolicLink()) {
    const path = fs.readlinkSync(given)
    if (resolve(dirname(given), path) !== target) {
      throw new StartError(
        `JUANIE_HOME: ${given} leads to a folder that other users may not enter. Open it with chmod o+x, or give another. Example: JUANIE_HOME=/srv/juanie`,
      )
    }
  } else if (present?.isDirectory() && fs.readdirSync(given).length > 0) {
    throw new StartError(
      `JUANIE_HOME: ${given} holds files, and ${closedFolder(dirname(fs.realpathSync(given)))} above it is closed to the users that the database and the applications run as. Open that folder with chmod o+x, or give another home. Example: JUANIE_HOME=/srv/juanie`,
    )
  }
  fs.mkdirSync(target, { recursive: true, mode: 0o711 })
  fs.chmodSync(movedHomes, 0o711)
  if (present?.isSymbolicLink()) return fs.realpathSync(target)
  if (present) fs.rmdirSync(given)
  fs.mkdirSync(dirname(given), { recursive: true })
  fs.symlinkSync(target, given)
  return fs.realpathSync(target)
}

function secure(home: Home): void {
  // Root lets the users of PostgreSQL, steps and applications pass; an ordinary user runs all of them itself. A folder
  // that was there before keeps its mode otherwise: it may be more than a home of Juanie.
  const { mode } = fs.statSync(home.path)
  if (isRoot() && (mode & 0o011) !== 0o011) fs.chmodSync(home.path, (mode & 0o7777) | 0o011)
  folder(home.database, 0o700)
  folder(home.blobs, 0o700)
  folder(home.pieces, 0o700)
  folder(home.logs, 0o700)
  folder(home.actions, 0o700)
  folder(home.run, 0o700)
  folder(home.agent, isRoot() ? 0o711 : 0o700)
  folder(home.repositories, 0o750)
  const reader = isRoot() ? findUser(stepUser) : null
  if (reader) fs.chownSync(home.repositories, 0, reader.gid)
}

function folder(path: string, mode: number): void {
  fs.mkdirSync(path, { recursive: true, mode })
  if ((fs.statSync(path).mode & 0o7777) !== mode) fs.chmodSync(path, mode)
}
