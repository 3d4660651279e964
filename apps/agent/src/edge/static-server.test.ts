import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { ask, bundle, closedPort, temporaryFolder, until } from './testing/index.ts'

const programs = temporaryFolder()
let entry = ''

beforeAll(async () => {
  entry = await bundle('static-server.ts', programs.path)
  return () => programs[Symbol.asyncDispose]()
})

function run(args: string[], env: Record<string, string>, cwd = programs.path) {
  const child = spawn(process.execPath, [entry, ...args], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  return { child, exit: once(child, 'close').then(([code]) => code as number | null), output: () => output }
}

test('a folder is served on PORT until SIGTERM, and answers under way are finished', async () => {
  await using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'index.html'), 'home')
  const port = await closedPort()
  const { child, exit, output } = run([], { PORT: String(port) }, folder.path)
  await until(() => output().includes('Serving'))
  expect(await ask({ port })).toMatchObject({ status: 200, body: 'home' })
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
})

test.each([
  [[], {}, 'PORT must be a whole number'],
  [[], { PORT: 'x' }, 'PORT must be a whole number'],
  [['missing'], { PORT: '0' }, 'is no folder'],
  [['a', 'b'], { PORT: '0' }, 'Only one folder'],
] as [string[], Record<string, string>, string][])('%j with %j is refused by name', async (args, env, sentence) => {
  const { exit, output } = run(args, env)
  expect(await exit).toBe(2)
  expect(output()).toContain(sentence)
})
