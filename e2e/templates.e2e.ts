import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Juanie } from './lib/juanie.ts'
import { Project } from './lib/project.ts'
import { visit } from './lib/visitor.ts'

let juanie: Juanie

beforeAll(async () => {
  juanie = await Juanie.start({ JUANIE_DEFAULT_SOAK: '500ms' })
  await juanie.login()
})
afterAll(() => juanie[Symbol.asyncDispose]())

const has = (program: string) => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const hasPython = has('python3')
if (!hasPython) console.warn('SKIPPED: the template "python" needs python3, which is not on PATH')

test.each(['node', 'static', ...(hasPython ? ['python'] : [])])(
  'what the template "%s" begins with passes its own tests and serves',
  async (template) => {
    const project = await Project.create(juanie, template, template)
    const commit = await project.commit('Begin')
    await project.push()
    const run = await project.runOf(commit)
    expect(run.status, (await project.run(['logs', String(run.number)])).stdout).toBe('succeeded')
    const { url, last } = await project.ended(0)
    expect(last?.status).toBe('succeeded')
    const { hostname, port } = new URL(url)
    expect((await visit(Number(port), hostname)).status).toBe(200)
  },
  120_000,
)
