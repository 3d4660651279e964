#!/usr/bin/env node
// Shows the main job on real parts, in a home of its own: see e2e/demo.ts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureBuilt } from './ensure-built.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.env.JUANIE_ROOT = root
await ensureBuilt()
const { rolldown } = await import('rolldown')
const folder = mkdtempSync(join(tmpdir(), 'juanie-demo-'))
try {
  const build = await rolldown({ input: join(root, 'e2e/demo.ts'), platform: 'node', transform: { target: 'node20' } })
  const file = join(folder, 'demo.mjs')
  await build.write({ file, format: 'esm', codeSplitting: false })
  await build.close()
  const { demo } = await import(pathToFileURL(file).href)
  process.exitCode = await demo()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
