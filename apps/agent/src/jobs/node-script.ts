import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { StepContext, StepEnd } from './job-parts.ts'
import { runToEnd } from './run-script.ts'
import { writeUserFile } from './user-file.ts'

/**
 * Names such as `INPUT_NODE-VERSION` cannot pass through a shell. They wait in a file that Node reads before the
 * script, and that is gone then; programs that the script starts find nothing of this.
 */
const preload = `const fs = require('node:fs')
const file = process.env.JUANIE_ENVIRONMENT
delete process.env.JUANIE_ENVIRONMENT
process.execArgv.length = 0
if (file) {
  Object.assign(process.env, JSON.parse(fs.readFileSync(file, 'utf8')))
  fs.rmSync(file, { force: true })
}
`

const isShellName = (name: string) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

/** Runs one script of a JavaScript action with the workspace as its folder. */
export async function runNodeScript(
  script: { node: string; file: string },
  context: Pick<StepContext, 'parts' | 'key' | 'environment' | 'pipe' | 'signal'>,
): Promise<StepEnd> {
  const { parts, key, environment } = context
  const { folders, programs } = parts
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => isShellName(name)))
  const odd = Object.entries(environment).filter(([name]) => !isShellName(name) && !/[=\0]/.test(name))
  const argv = [script.node]
  if (odd.length > 0) {
    const loader = join(folders.handover, 'environment.cjs')
    if (!existsSync(loader)) writeUserFile(loader, preload, { user: null, mode: 0o644 })
    const file = join(folders.files, `${key}-environment.json`)
    writeUserFile(file, JSON.stringify(Object.fromEntries(odd)), { user: programs.user, mode: 0o600 })
    env.JUANIE_ENVIRONMENT = file
    argv.push('--require', loader)
  }
  argv.push(script.file)
  return runToEnd({ argv, cwd: folders.workspace, env }, { programs, pipe: context.pipe, signal: context.signal })
}

/** The variables by which an action reads its inputs, as the runner of GitHub names them. */
export const inputVariables = (inputs: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
  )

export const stateVariables = (state: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value]))
