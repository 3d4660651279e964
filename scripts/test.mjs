#!/usr/bin/env node
// Runs the tests and leaves nothing behind, not even when it is interrupted.
//
//   node scripts/test.mjs [--e2e | --all] [--counts FILE] [what vitest takes: a path, -t NAME …]
//
// Without a choice: the unit tests and those on a real PostgreSQL. --counts writes how many passed, failed and were
// skipped, as JSON.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const run = randomUUID()
const { projects, counts, rest } = readArguments(process.argv.slice(2))

let vitest
try {
  vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
} catch {
  console.error(`The packages of Juanie are not installed. Run "npm ci" in ${root}, without --omit=dev.`)
  process.exit(1)
}

// All temporary files of the run lie in one folder. The guard, which lives in a session of its own, removes it and ends
// every process that lives in it when this program ends, however it ends.
const folder = mkdtempSync(join(tmpdir(), 'juanie-run-'))
chmodSync(folder, 0o1777)
const guard = spawn(process.execPath, [join(root, 'packages/core/src/testing/guard.mjs')], {
  cwd: '/',
  detached: true,
  stdio: ['pipe', 'ignore', 'inherit'],
  env: {},
})
guard.stdin.write(`+${folder}\n`)

const child = spawn(process.execPath, [vitest, 'run', ...projects.flatMap((name) => ['--project', name]), ...rest], {
  cwd: root,
  stdio: 'inherit',
  // A group of its own, so that all of it can be ended at once.
  detached: true,
  env: {
    ...process.env,
    TMPDIR: folder,
    // Marks every process of this run, for the search at its end.
    JUANIE_TEST_RUN: run,
    JUANIE_TEST_COUNTS: counts ?? '',
  },
})

let interrupted = null
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (interrupted) return
    interrupted = signal
    kill(-child.pid, 'SIGTERM')
    setTimeout(() => kill(-child.pid, 'SIGKILL'), 2_000).unref()
  })
}

const code = await new Promise((resolve) => child.once('exit', (exit) => resolve(exit ?? 1)))
if (interrupted) kill(-child.pid, 'SIGKILL')
const left = await leftovers(interrupted ? 15_000 : 5_000)
for (const { pid, command } of left) {
  console.error(`!! LEFT BEHIND and ended now: process ${pid}: ${command}`)
  kill(pid, 'SIGKILL')
}
const files = interrupted ? [] : readdirSync(folder).filter((name) => !name.startsWith('node-compile-cache'))
for (const name of files) console.error(`!! LEFT BEHIND and removed now: ${join(folder, name)}`)
await new Promise((resolve) => {
  guard.once('exit', resolve)
  guard.stdin.end()
})
process.exit(interrupted ? 130 : code || (left.length + files.length > 0 ? 1 : 0))

function readArguments(args) {
  const rest = []
  let projects = ['unit', 'db']
  let counts = null
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--e2e') projects = ['e2e']
    else if (args[i] === '--all') projects = ['unit', 'db', 'e2e']
    else if (args[i] === '--counts') counts = args[++i]
    else rest.push(args[i])
  }
  return { projects, counts, rest }
}

/** The guards of the run end its homes after it; what still lives after that is a defect of a test. */
async function leftovers(patienceMs) {
  if (!existsSync('/proc/self/environ')) return []
  const end = Date.now() + patienceMs
  for (;;) {
    const left = marked()
    if (left.length === 0 || Date.now() > end) return left
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function marked() {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`JUANIE_TEST_RUN=${run}`)) return []
      return [{ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() }]
    } catch {
      // It has ended, or belongs to another user.
      return []
    }
  })
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}
