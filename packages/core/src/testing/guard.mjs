// Cleans up after a test run that cannot do so itself any more, because it was interrupted or killed.
//
// It runs in a session of its own and holds the read end of a pipe whose other end only the run holds. Each line names
// a folder to watch ("+/tmp/x") or to forget ("-/tmp/x"). When the pipe closes, for whatever reason, every process that
// lives in a watched folder is ended and the folder removed.
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const folders = new Set()

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('+')) folders.add(line.slice(1))
  else folders.delete(line.slice(1))
}
for (const folder of folders) {
  for (const home of movedHomes(folder, 2)) await clear(home)
  await clear(folder)
}

/** Homes below the folder that root's rule put elsewhere and left a link to. */
function movedHomes(folder, depth) {
  try {
    return readdirSync(folder).flatMap((name) => {
      const path = join(folder, name)
      const found = lstatSync(path)
      if (found.isSymbolicLink()) return readlinkSync(path).startsWith('/var/lib/juanie/') ? [path] : []
      return found.isDirectory() && depth > 1 ? movedHomes(path, depth - 1) : []
    })
  } catch {
    return []
  }
}

async function clear(folder) {
  let real = folder
  try {
    real = realpathSync(folder)
  } catch {
    // Gone already; a process may still be left.
  }
  // PostgreSQL frees its shared memory only when it ends by itself, so it is asked first.
  const postmaster = Number(read(join(real, 'database', 'data', 'postmaster.pid')).split('\n')[0])
  if (postmaster > 0 && livesIn(String(postmaster), folder, real)) {
    send(postmaster, 'SIGQUIT')
    for (let i = 0; i < 200 && livesIn(String(postmaster), folder, real); i++) await pause(20)
  }
  for (let round = 0; round < 50; round++) {
    const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && livesIn(pid, folder, real))
    if (left.length === 0) break
    for (const pid of left) send(Number(pid), 'SIGKILL')
    await pause(20)
  }
  for (const path of new Set([real, folder]))
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

/** By working folder, by a path on the command line, or by a home or folder in the environment. Zombies do not live. */
function livesIn(pid, folder, real) {
  if (Number(pid) === process.pid) return false
  const stat = read(`/proc/${pid}/stat`)
  if (!stat || /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))) return false
  const inside = (path) => [folder, real].some((home) => path === home || path.startsWith(`${home}/`))
  try {
    if (inside(readlinkSync(`/proc/${pid}/cwd`))) return true
  } catch {
    // Another user's process, or one that has just ended.
  }
  return (
    read(`/proc/${pid}/cmdline`).split('\0').some(inside) ||
    read(`/proc/${pid}/environ`)
      .split('\0')
      .some((entry) => /^(JUANIE_HOME|TMPDIR)=/.test(entry) && inside(entry.slice(entry.indexOf('=') + 1)))
  )
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function send(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself.
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
