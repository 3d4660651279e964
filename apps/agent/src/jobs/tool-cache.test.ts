import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { JobTrial } from '../testing/job-trial.ts'

const { arch } = process
let trial: JobTrial
let seed: string
beforeEach(() => {
  trial = new JobTrial()
  seed = mkdtempSync(join(tmpdir(), 'juanie-seed-'))
  chmodSync(seed, 0o755)
  trial.toolSeed = seed
})
afterEach(() => {
  trial[Symbol.dispose]()
  rmSync(seed, { recursive: true, force: true })
})

/** A tool with a program, a script that names it, and a link to it. */
function plant(name: string, version: string, isComplete = true): string {
  const tree = join(seed, name, version, arch)
  mkdirSync(join(tree, 'bin'), { recursive: true, mode: 0o755 })
  mkdirSync(join(tree, 'lib'))
  const program = (path: string, text: string) => writeFileSync(join(tree, path), text, { mode: 0o755 })
  program('bin/thing', `#!/bin/sh\necho "${name} ${version} of $(dirname "$0")"\n`)
  program('bin/install', `#!${tree}/bin/thing\n`)
  symlinkSync(join(tree, 'bin/thing'), join(tree, 'bin/other'))
  if (isComplete) writeFileSync(join(tree.slice(0, -arch.length), `${arch}.complete`), '')
  return tree
}

const tools = () => `$RUNNER_TOOL_CACHE`

test('the tool cache of a project begins with the tools of the host, as its own', async () => {
  const tree = plant('Thing', '1.2.3')
  plant('Thing', '2.0.0', false)
  const at = `${tools()}/Thing/1.2.3/${arch}`
  const run = await trial.run(`
- run: |
    ls "${tools()}/Thing"
    for each in thing install other; do [ "$("${at}/bin/$each")" = "Thing 1.2.3 of ${at}/bin" ] && echo "$each is its own"; done
    echo more > "${at}/lib/package" && rm "${at}/bin/other" && echo changed
    test -e "${at}.complete" && echo complete
- run: echo broken > "${at}/bin/thing"
  continue-on-error: true`)
  expect(run.log(0)).toEqual([
    '1.2.3',
    'thing is its own',
    'install is its own',
    'other is its own',
    'changed',
    'complete',
  ])
  expect(existsSync(join(tree, 'lib/package'))).toBe(false)
  expect(existsSync(join(tree, 'bin/other'))).toBe(true)
  // What a job writes into a program never reaches another project.
  expect(statSync(join(tree, 'bin/thing')).size).toBeGreaterThan(20)
})

test('a tool that the host gets later is there for the next job, and what a job installed is kept until then', async () => {
  plant('Thing', '1.2.3')
  await trial.run(`- run: mkdir -p "${tools()}/own/1.0.0"`)
  expect((await trial.run(`- run: ls "${tools()}/own"`)).log(0)).toEqual(['1.0.0'])
  plant('Thing', '1.3.0')
  expect((await trial.run(`- run: ls "${tools()}/Thing"`)).log(0)).toEqual(['1.2.3', '1.3.0'])
})

test('a job says that the folder of tools cannot be read', async () => {
  trial.toolSeed = join(seed, 'nothing')
  expect((await trial.run('- run: echo never')).end).toMatchObject({
    result: 'failed',
    reason: expect.stringContaining('JUANIE_TOOL_CACHE cannot be read: ENOENT'),
  })
})

test('packages of npm are installed beside the Node.js of the tool cache', async () => {
  const bin = `${tools()}/node/${process.versions.node}/${arch}/bin`
  const run = await trial.run(`
- run: |
    mkdir package && echo '{ "name": "tool", "version": "1.0.0", "bin": "tool.js" }' > package/package.json
    printf '#!/usr/bin/env node\\nconsole.log("a tool")\\n' > package/tool.js
    export PATH="${bin}:$PATH"
    npm install --global --offline --install-links ./package > /dev/null && tool`)
  expect(run.log(0)).toEqual(['a tool'])
  expect(existsSync(join(dirname(dirname(process.execPath)), 'lib/node_modules/tool'))).toBe(false)
})

test('npm says where its cache and its packages lie', async () => {
  const run = await trial.run(`
- run: |
    export PATH="${tools()}/node/${process.versions.node}/${arch}/bin:$PATH"
    [ "$(npm config get cache)" = "$HOME/.npm" ] && echo cache
    [ "$(npm config get prefix)" = "${tools()}/node/${process.versions.node}/${arch}" ] && echo packages`)
  expect(run.log(0)).toEqual(['cache', 'packages'])
})

test('jobs get the variables that the operator names, and none of their own is taken by them', async () => {
  trial.jobEnvironment = { HTTPS_PROXY: 'http://proxy.example.com:3128', LANG: 'de' }
  const run = await trial.run(
    '- run: echo "$HTTPS_PROXY $LANG"\n- run: echo "$HTTPS_PROXY"\n  env: { HTTPS_PROXY: "" }',
  )
  expect([run.log(0), run.log(1)]).toEqual([['http://proxy.example.com:3128 C.UTF-8'], ['']])
})
