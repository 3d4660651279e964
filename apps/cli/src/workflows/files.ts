import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CommandError } from '../exit.ts'

/** Where workflows lie, from a repository's root. The first that holds a file counts, as on the server. */
const folders = ['.juanie/workflows', '.github/workflows']
/** As the server reads at most. */
const mostBytes = 1_048_576

/** The top of the repository that a folder lies in; without one, the current folder. */
export function rootOf(folder: string): string {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at
    if (dirname(at) === at) return process.cwd()
  }
}

/** The paths of a repository's workflows, from its root. */
export function workflowFiles(root: string): string[] {
  for (const folder of folders) {
    const there = join(root, folder)
    const names = existsSync(there) ? readdirSync(there).filter((name) => /\.ya?ml$/.test(name)) : []
    if (names.length > 0) return names.sort().map((name) => `${folder}/${name}`)
  }
  return []
}

export function readWorkflow(root: string, path: string): string {
  const file = resolve(root, path)
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found) throw new CommandError(`${path}: there is no such file.`)
  if (!found.isFile()) throw new CommandError(`${path}: is not a file; name the files themselves.`)
  if (found.size > mostBytes)
    throw new CommandError(`${path}: has ${found.size} bytes; a workflow has at most ${mostBytes}.`)
  return readFileSync(file, 'utf8')
}
