#!/usr/bin/env node
// Shows the main job on real parts, in a home of its own: see e2e/demo.ts.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importBundled } from './bundled.mjs'
import { ensureBuilt } from './ensure-built.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.env.JUANIE_ROOT = root
await ensureBuilt()
const { demo } = await importBundled(root, 'e2e/demo.ts')
process.exitCode = await demo()
