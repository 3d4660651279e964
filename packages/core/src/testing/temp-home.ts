import { type ChildProcessByStdio, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { processes } from '../process-identity.ts'

type Guard = { watch(folder: string): void; forget(folder: string): void; end(): Promise<void> }

let guard: Guard | null = null

/** One guard per process of the run, see `guard.mjs`. */
function startGuard(): Guard {
  const child: ChildProcessByStdio<Writable, null, null> = spawn(
    process.execPath,
    [join(import.meta.dirname, 'guard.mjs')],
    {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { JUANIE_TEST_RUN: process.env.JUANIE_TEST_RUN },
    },
  )
  child.unref()
  const { stdin } = child
  // The pipe must not keep the test run alive: its end is what the guard waits for.
  ;(stdin as Writable & { unref?(): void }).unref?.()
  stdin.on('error', () => {})
  return {
    watch: (folder) => stdin.write(`+${folder}\n`),
    forget: (folder) => stdin.write(`-${folder}\n`),
    end: () =>
      new Promise((resolve) => {
        child.ref()
        child.once('exit', () => resolve())
        stdin.end()
      }),
  }
}

export type TempHome = AsyncDisposable & {
  /** What JUANIE_HOME is to be set to. */
  path: string
}

/**
 * A folder for one home. When it is disposed of, and also when the test run is interrupted or killed, every process that
 * lives in it is ended and the folder is removed, with the one below /var/lib/juanie that it may point to.
 */
export function tempHome(): TempHome {
  const path = fs.mkdtempSync(join(tmpdir(), 'juanie-test-'))
  // As root, the users that PostgreSQL, steps and applications run as must be able to pass.
  if (process.getuid?.() === 0) fs.chmodSync(path, 0o711)
  guard ??= startGuard()
  guard.watch(path)
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      const own = startGuard()
      own.watch(path)
      await own.end()
      guard?.forget(path)
    },
  }
}

/** What is left of a home that is supposed to be gone, one sentence each; an empty list is what a test expects. */
export function leftBehind(home: string): string[] {
  const real = fs.existsSync(home) ? fs.realpathSync(home) : home
  const inside = (path: string) => [home, real].some((folder) => path === folder || path.startsWith(`${folder}/`))
  const left = [...processes()]
    .filter(
      ({ cwd, command, environ }) =>
        (cwd !== null && inside(cwd)) ||
        command.split(' ').some(inside) ||
        environ.split('\0').some((entry) => entry.startsWith('JUANIE_HOME=') && inside(entry.slice(12))),
    )
    .map(({ pid, command }) => `process ${pid} runs: ${command}`)
  if (fs.existsSync(home)) left.push(`folder ${home} exists`)
  if (real !== home && fs.existsSync(real)) left.push(`folder ${real} exists`)
  return left
}
