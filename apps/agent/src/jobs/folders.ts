import { randomUUID } from 'node:crypto'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface StepUser {
  uid: number
  gid: number
}

/** The folders of one job. All but `handover` belong to the user that steps run as. */
export interface JobFolders {
  root: string
  /** `GITHUB_WORKSPACE`. */
  workspace: string
  /** `RUNNER_TEMP`. */
  temp: string
  home: string
  toolCache: string
  /** Scripts and the files behind `GITHUB_ENV` and its like. */
  files: string
  /** Written by the agent, read by steps. */
  handover: string
}

export const jobFolders = (root: string, repositoryName: string): JobFolders => ({
  root,
  workspace: join(root, 'work', repositoryName),
  temp: join(root, 'temp'),
  home: join(root, 'home'),
  toolCache: join(root, 'tools'),
  files: join(root, 'files'),
  handover: join(root, 'handover'),
})

export function makeJobFolders(folders: JobFolders, user: StepUser | null): void {
  const { root, workspace, temp, home, toolCache, files, handover } = folders
  mkdirSync(root, { recursive: true, mode: 0o711 })
  mkdirSync(handover, { mode: 0o755 })
  for (const folder of [dirname(workspace), workspace, temp, home, toolCache, files]) {
    mkdirSync(folder, { mode: 0o700 })
    if (user) chownSync(folder, user.uid, user.gid)
  }
}

export const removeJobFolders = (root: string): Promise<void> =>
  rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })

/** A folder for `git init --template`, which copies it whole. Paths of files are relative; returns the folder. */
export function writeTemplate(handover: string, files: Record<string, string>): string {
  const folder = join(handover, randomUUID())
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(file, text, { mode: 0o644 })
  }
  return folder
}
