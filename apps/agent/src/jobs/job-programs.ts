import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '@juanie/core/errors'
import type { ControlGroups } from '../host/control-groups.ts'
import type { HostIsolation } from '../host/isolation.ts'
import { JobShell, jobMark, readOutput } from './job-shell.ts'
import { gitEnvironment, gitOptions } from './mirror.ts'
import type { Packing } from './pack-main.ts'
import type { UserProgram, UserPrograms } from './user-programs.ts'

export interface JobProgramsParts {
  isolation: HostIsolation
  controlGroups: ControlGroups | null
  node: string
  /** PATH of git and of the packer. */
  path: string
  /** The packer's program, where every user may read it. */
  packer: string
  jobId: string
  fence: number
  root: string
  files: string
  /** The agent's own folder that programs may read, see `JobFolders`. */
  handover: string
  home: string
  memoryBytes: number | null
  /** Further folders that the programs may read. */
  readable: string[]
  /** And write. */
  writable: string[]
  /** Whether programs may run at the same time. */
  isBeside: boolean
}

const graceMs = 2_000
const outputBytes = 64 * 1024 * 1024

/** The programs of one job on this host. */
export function jobPrograms(parts: JobProgramsParts): UserPrograms {
  const mark = `${jobMark}${parts.jobId}/${parts.fence}`
  const group =
    parts.memoryBytes === null
      ? null
      : (parts.controlGroups?.make(`job-${parts.jobId}`, { memoryBytes: parts.memoryBytes, cpus: null }) ?? null)
  const shell = new JobShell({
    isolation: parts.isolation,
    starts: parts.handover,
    binds: [
      ...[parts.root, ...parts.writable].map((path) => ({ path, isWritable: true })),
      ...parts.readable.map((path) => ({ path, isWritable: false })),
    ],
    cwd: parts.root,
    mark,
    env: { PATH: parts.path, HOME: parts.home, LANG: 'C.UTF-8' },
    memory: parts.memoryBytes === null ? null : { bytes: parts.memoryBytes, group },
  })
  let count = 0
  let outputs = 0

  const start = async (options: {
    argv: string[] | string[][]
    cwd: string
    env: Record<string, string>
    output: string
    isBeside?: boolean
  }): Promise<UserProgram> => {
    const own = `${mark}/${++count}`
    const { exited } = await shell.start({ ...options, mark: own })
    return { exited, terminate: (limitMs) => shell.terminate(own, limitMs) }
  }

  /** Runs a program of Juanie's own and returns what it printed; its complaints are part of it. */
  const run = async (
    argv: string[] | string[][],
    env: Record<string, string>,
    signal: AbortSignal,
  ): Promise<{ code: number | null; output: Buffer }> => {
    const file = join(parts.files, `${++outputs}.out`)
    const program = await start({ argv, cwd: parts.root, env, output: file, isBeside: parts.isBeside })
    const end = () => void program.terminate(graceMs)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    try {
      const { code } = await program.exited
      signal.throwIfAborted()
      return { code, output: readOutput(file, outputBytes) }
    } finally {
      signal.removeEventListener('abort', end)
      rmSync(file, { force: true })
    }
  }

  return {
    user: parts.isolation.users.step,
    start: (options) => start({ ...options, isBeside: parts.isBeside }),
    prepare: () => shell.prepare(),
    async git(args, { signal, acceptFailure, before = [], env: more = {} }) {
      const env = { ...gitEnvironment(parts.home), PATH: parts.path, ...more }
      const { code, output } = await run([...before, ['git', ...gitOptions, ...args]], env, signal)
      const text = output.toString('utf8')
      if (code === 0 || acceptFailure) return text
      throw new AppError('invalid', 'checkout.git', {
        message: `git ${args.find((word) => !word.startsWith('-'))} failed: ${text.trim().slice(-2000)}`,
      })
    },
    async pack(root, into, { exclude, workspace, signal }) {
      const { output } = await run(
        [parts.node, parts.packer, root, workspace, into, ...exclude],
        { PATH: parts.path, HOME: parts.home },
        signal,
      )
      let packing: Packing
      try {
        packing = JSON.parse(output.toString('utf8')) as Packing
      } catch {
        throw new AppError('invalid', 'release.pack', {
          message: `The folder cannot be packed: ${output.toString('utf8').trim().slice(-2000)}`,
        })
      }
      if (packing.error !== null) throw new AppError('invalid', 'release.pack', { message: packing.error })
      const { digest, bytes, description, listing } = packing
      return { digest, bytes, description, listing }
    },
    endAll: () => shell.close(),
  }
}
