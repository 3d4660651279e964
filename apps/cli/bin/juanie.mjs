#!/usr/bin/env node
// The command `juanie`. It is committed, because npm links only files that exist when it installs, and builds the
// program on first use.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, root } from '../../../scripts/ensure-built.mjs'

await ensureBuilt('programs')
process.env.JUANIE_ROOT = root
await import(pathToFileURL(join(root, 'dist', 'cli.mjs')).href)
