import { join } from 'node:path'
import { cleanEnvironment, finish, root } from '../../e2e/lib/juanie.ts'

/** Runs a floor that is a script of bash to its end. */
export async function bash(script: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await finish('bash', [join(root, 'bench/floors', script), ...args], {
    cwd: '/',
    env: cleanEnvironment({ HOME: '/nonexistent' }),
  })
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`)
}
