import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** That a task ran must stay known for longer than anyone could ask for it again. */
const taskDays = 30

/** Removes the folders of instances and tasks that are not wanted any more. */
export function removeLeftovers(folder: string, wanted: ReadonlySet<string>): void {
  for (const id of readdirSync(join(folder, 'instances'))) {
    if (!wanted.has(id)) rmSync(join(folder, 'instances', id), { recursive: true, force: true })
  }
  const oldest = Date.now() - taskDays * 86_400_000
  for (const id of readdirSync(join(folder, 'tasks'))) {
    const path = join(folder, 'tasks', id)
    if (wanted.has(id)) continue
    if (statSync(path).mtimeMs < oldest) rmSync(path, { recursive: true, force: true })
    else
      for (const name of ['app', 'app.new', 'home', 'tmp']) rmSync(join(path, name), { recursive: true, force: true })
  }
}
