import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { type Home, isReachable, reachableNode } from '@juanie/core/home'
import { buildOf } from '@juanie/core/local-agent'

/** What programs of users get from Juanie. */
export interface Tools {
  node: string
  /** Their PATH. */
  path: string
  /** Folders of it outside of the system's own, for whoever confines them. */
  folders: string[]
  /** The file server for static sites, where every user may read it. */
  staticServer: string
  /** The program that packs a folder as a step's user sees it. */
  packer: string
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Makes sure that other users can run what applications and steps need, by copies in the home where they could not. */
export function prepareTools(home: Home, programs: { staticServer: string; packer: string }): Tools {
  const own = fs.realpathSync(process.execPath)
  const node = reachableNode(home)
  const staticServer = copied(home, 'static', programs.staticServer)
  const packer = copied(home, 'pack', programs.packer)
  const folders = [staticServer, packer]
  let place = dirname(node)
  if (node !== own) {
    place = copiedNode(home, node, own)
    folders.push(join(home.path, 'bin'))
  } else if (!systemPath.split(':').includes(place)) {
    folders.push(place)
    const modules = join(dirname(place), 'lib', 'node_modules')
    if (fs.existsSync(modules)) folders.push(modules)
  }
  const path = systemPath.split(':').includes(place) ? systemPath : `${place}:${systemPath}`
  return { node, path, folders, staticServer, packer }
}

/** A folder with `node` and `npm` for those who may not enter the one that Node itself lies in. */
function copiedNode(home: Home, node: string, own: string): string {
  const root = join(home.path, 'bin', `tools-${process.version}`)
  const place = join(root, 'bin')
  const npm = join(dirname(dirname(own)), 'lib', 'node_modules', 'npm')
  const copiedNpm = join(root, 'lib', 'node_modules', 'npm')
  fs.mkdirSync(place, { recursive: true, mode: 0o755 })
  link(node, join(place, 'node'))
  if (fs.existsSync(npm) && !fs.existsSync(copiedNpm) && !isReachable(join(npm, 'package.json'))) {
    const temporary = `${copiedNpm}.${process.pid}.new`
    fs.cpSync(npm, temporary, { recursive: true, dereference: true })
    fs.renameSync(temporary, copiedNpm)
  }
  if (fs.existsSync(copiedNpm)) {
    for (const name of ['npm', 'npx']) link(join(copiedNpm, 'bin', `${name}-cli.js`), join(place, name))
  }
  return place
}

/** Named by its content, so that a running program is never changed under its users. */
function copied(home: Home, name: string, program: string): string {
  const path = join(home.path, 'bin', `${name}-${buildOf(program)}.mjs`)
  if (!fs.existsSync(path)) copy(program, path, 0o644)
  return path
}

function link(target: string, path: string): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false })) return
  fs.symlinkSync(target, path)
}

function copy(from: string, to: string, mode: number): void {
  fs.mkdirSync(dirname(to), { recursive: true, mode: 0o755 })
  fs.chmodSync(dirname(to), 0o755)
  const temporary = `${to}.${process.pid}.new`
  fs.copyFileSync(from, temporary)
  fs.chmodSync(temporary, mode)
  fs.renameSync(temporary, to)
}
