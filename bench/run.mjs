#!/usr/bin/env node
// Measures Juanie beside its floors: see docs/performance.md.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importBundled } from '../scripts/bundled.mjs'
import { ensureBuilt } from '../scripts/ensure-built.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.env.JUANIE_ROOT = root
const isHelp = process.argv.slice(2).some((word) => word === '--help' || word === '-h')
if (!isHelp) await ensureBuilt()
const { bench } = await importBundled(root, 'bench/main.ts')
process.exit(await bench(process.argv.slice(2)))
