import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { agentProcesses } from './agent-processes.ts'

let folder: string
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'juanie-agent-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
})

async function start(options: { word?: string; cwd?: string; env?: Record<string, string> }): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', options.word ?? ''], {
    cwd: options.cwd ?? '/',
    env: options.env ?? {},
    stdio: 'ignore',
  })
  children.push(child)
  await once(child, 'spawn')
  return child.pid!
}

test.runIf(process.platform === 'linux')(
  'down ends what the agent started, and not who only names its folder',
  async () => {
    const step = await start({ word: `${folder}/jobs/1`, env: { JUANIE_PROCESS: 'job/1' } })
    const edge = await start({ cwd: folder })
    const reader = await start({ word: `${folder}/instances/1/output.log` })
    const neighbour = await start({ word: `${folder}-other/x`, cwd: tmpdir(), env: { JUANIE_PROCESS: 'job/2' } })
    const found = agentProcesses(folder).map(({ pid }) => pid)
    expect(found.sort()).toEqual([step, edge].sort())
    expect(found).not.toContain(reader)
    expect(found).not.toContain(neighbour)
  },
)

test.runIf(process.platform === 'linux')(
  'a shell in the folder of the agent survives the down that is called from it',
  () => {
    const before = process.cwd()
    process.chdir(folder)
    try {
      expect(agentProcesses(folder)).toEqual([])
    } finally {
      process.chdir(before)
    }
  },
)
