import * as fs from 'node:fs'
import { join } from 'node:path'
import type { DesiredInstance, DesiredTask } from '@juanie/services/hosts/contract'
import type { ControlGroup, ControlGroups } from '../host/control-groups.ts'
import type { Bind, HostIsolation } from '../host/isolation.ts'
import type { Tools } from '../host/tools.ts'
import type { UserCommand } from '../host/user-command.ts'
import { BundleProblem, type Bundles } from './bundles.ts'

/** What every process of this host is started with. */
export interface ProcessHost {
  isolation: HostIsolation
  tools: Tools
  bundles: Bundles
  controlGroups: ControlGroups | null
  /** Marks of this home's processes begin so. */
  markPrefix: string
}

export type Described = DesiredInstance | DesiredTask

/** The folders of one instance or task. */
const workspaceOf = (folder: string) => ({
  /** The unpacked bundle. */
  app: join(folder, 'app'),
  home: join(folder, 'home'),
  tmp: join(folder, 'tmp'),
})

/** Makes the folders and unpacks the bundle, once. Throws `BundleProblem` for what will not pass. */
export async function prepareWorkspace(
  host: ProcessHost,
  process: Described,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const { app, home, tmp } = workspaceOf(folder)
  const owner = host.isolation.users.application
  makeFolder(folder, 0o711)
  if (!fs.existsSync(app)) {
    const fresh = `${app}.new`
    fs.rmSync(fresh, { recursive: true, force: true })
    makeFolder(fresh, 0o700, owner)
    try {
      await host.bundles.unpack(process.bundle, fresh, { owner, signal })
      fs.renameSync(fresh, app)
    } catch (error) {
      // A part of it would keep the disk full for everyone else.
      fs.rmSync(fresh, { recursive: true, force: true })
      throw error
    }
  }
  makeFolder(home, 0o700, owner)
  makeFolder(tmp, 0o700, owner)
  const cwd = workingFolder(process, folder)
  if (!cwd) {
    throw new BundleProblem(
      `working_dir: there is no folder ${JSON.stringify(process.workingDirectory)} in the bundle.`,
    )
  }
}

function makeFolder(path: string, mode: number, owner: { uid: number; gid: number } | null = null): void {
  fs.mkdirSync(path, { recursive: true, mode })
  fs.chmodSync(path, mode)
  if (owner) fs.chownSync(path, owner.uid, owner.gid)
}

/** Null when it is missing or leads outside of the bundle. */
function workingFolder(process: Described, folder: string): string | null {
  const { app } = workspaceOf(folder)
  try {
    const cwd = fs.realpathSync(join(app, process.workingDirectory))
    const isInside = cwd === fs.realpathSync(app) || cwd.startsWith(`${fs.realpathSync(app)}/`)
    return isInside && fs.statSync(cwd).isDirectory() ? cwd : null
  } catch {
    return null
  }
}

/** Everything that `ManagedProcess.start` needs but its attempt. */
export function startOf(
  host: ProcessHost,
  process: Described,
  options: { folder: string; port: number | null },
): {
  command: UserCommand
  cwd: string
  env: Record<string, string>
  binds: Bind[]
  isolation: HostIsolation
} {
  const { folder, port } = options
  const { app, home, tmp } = workspaceOf(folder)
  const cwd = workingFolder(process, folder) ?? app
  const binds: Bind[] = [app, home, tmp].map((path) => ({ path, isWritable: true }))
  const env = {
    PATH: host.tools.path,
    HOME: home,
    TMPDIR: tmp,
    HOST: '127.0.0.1',
    LANG: 'C.UTF-8',
    ...process.environment,
    ...(port === null ? {} : { PORT: String(port) }),
  }
  return { command: commandOf(host, process.command), cwd, env, binds, isolation: host.isolation }
}

export function commandOf(host: ProcessHost, command: Described['command']): UserCommand {
  if (command.kind !== 'static') return command
  const { node, staticServer } = host.tools
  const argv = [node, staticServer, command.root, ...(command.fallback === null ? [] : ['--single-page'])]
  return { kind: 'exec', argv }
}

/** A control group for its limits where the host has them; else what the host does about them instead. */
export function limitsOf(
  host: ProcessHost,
  process: Described,
): { group: ControlGroup | null; watchedMemory: number | null; notHonoured: string[] } {
  const { memoryBytes, cpus } = process.limits
  if (memoryBytes === null && cpus === null) return { group: null, watchedMemory: null, notHonoured: [] }
  const group = host.controlGroups?.make(process.id, process.limits) ?? null
  if (group) return { group, watchedMemory: null, notHonoured: [] }
  const notHonoured = cpus === null ? [] : [`cpus: this host has no control groups to limit the CPU to ${cpus}.`]
  return { group: null, watchedMemory: memoryBytes, notHonoured }
}

/** `512 MiB`, for sentences. */
export const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`
