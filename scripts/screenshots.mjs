#!/usr/bin/env node
// Takes a picture of every page of the console: see e2e/screenshots.ts.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importBundled } from './bundled.mjs'
import { ensureBuilt } from './ensure-built.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.env.JUANIE_ROOT = root
await ensureBuilt()
const { screenshots } = await importBundled(root, 'e2e/screenshots.ts')
process.exit(await screenshots(process.argv.slice(2)))
