import { chmodSync, mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Edge } from './edge.ts'

/**
 * The edge as a process of its own: `node edge.mjs --folder <folder>`. It serves what lies in the folder and is told the
 * rest by the agent. Started by the supervisor, in its own session, with its output going to a file.
 */
const { values } = parseArgs({ options: { folder: { type: 'string' }, 'listen-fd': { type: 'string' } } })
const { folder, 'listen-fd': listenFd } = values
if (!folder) {
  console.error(
    '--folder is missing: the folder in which the edge keeps its state. Example: --folder /var/lib/juanie/edge',
  )
  process.exit(2)
}
mkdirSync(folder, { recursive: true, mode: 0o700 })
chmodSync(folder, 0o700)

/**
 * A fault that one request brought to light must not cost all others their connections, so the edge goes on; one that
 * comes with everything ends it, and the supervisor starts another within a second.
 */
const faultsAtOnce = 20
let faults = 0
setInterval(() => {
  faults = 0
}, 10_000).unref()
process.on('uncaughtException', (error) => {
  faults++
  if (faults <= 3) console.error(`${new Date().toISOString()} ${error.stack}`)
  if (faults > faultsAtOnce) process.exit(1)
})

const edge = new Edge({
  folder,
  program: process.argv[1]!,
  ...(listenFd === undefined ? {} : { listenFd: Number(listenFd) }),
  exit: (code) => process.exit(code),
})
const stop = () => void edge.stop(30_000)
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
// The terminal of whoever started it may close.
process.on('SIGHUP', () => {})
await edge.start().catch((error) => {
  console.error(`${new Date().toISOString()} The edge cannot start: ${error.message}`)
  process.exit(1)
})

/** After a burst the heap keeps its size until something is allocated again; an idle edge gives it back. */
const restMs = 10_000
let seen = 0
let cleaned = 0
setInterval(() => {
  if (edge.activity === seen && cleaned !== seen) {
    cleaned = seen
    globalThis.gc?.()
  }
  seen = edge.activity
}, restMs).unref()
