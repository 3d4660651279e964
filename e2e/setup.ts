import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './lib/juanie.ts'

/** Builds once, so that no scenario pays for it. */
export default function setup(): void {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' })
}
