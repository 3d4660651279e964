#!/usr/bin/env node
// Starts the server in the foreground; see `docs/operating.md`.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, root } from './ensure-built.mjs'

await ensureBuilt()
process.env.JUANIE_ROOT = root

// The driver of PostgreSQL asks it on which runtime it is; where there is none, as in Node 20, it makes a Response to
// find out, which loads all of fetch: a tenth of the start.
globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node.split('.')[0]}` }

// npm passes a signal on to the shell that it starts this program with, and not every shell passes it further. So when
// npm is gone, the end that was meant for this program is taken as said.
if (process.env.npm_lifecycle_event === 'start') {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM')
  }, 500).unref()
}

await import(pathToFileURL(join(root, 'dist', 'server.mjs')).href)
