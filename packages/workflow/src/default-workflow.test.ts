import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { defaultWorkflow } from './default-workflow.ts'
import type { RunStep } from './model.ts'
import { parseWorkflow } from './parse.ts'
import { matchPush } from './push-filter.ts'

function made(names: string[], packageJson: unknown = null, more = {}) {
  const text = packageJson === null || typeof packageJson === 'string' ? packageJson : JSON.stringify(packageJson)
  const { file, text: yaml } = defaultWorkflow({ names, packageJson: text as string | null, ...more })
  const { workflow, problems } = parseWorkflow(file, yaml)
  expect(problems).toEqual([])
  const steps = workflow!.jobs[0]!.steps
  const last = steps.at(-1)!
  if (last.kind !== 'action') throw new Error('the last step is no action')
  const run = steps.filter((step): step is RunStep => step.kind === 'run')
  return { workflow: workflow!, yaml, commands: run.map((step) => step.run.trim()), release: last }
}

const npmCi = 'npm ci --include=dev --no-audit --no-fund'
const npmInstall = 'npm install --include=dev --no-audit --no-fund'

test.each([
  ['an empty repository', [], null, [], '.'],
  ['a static site', ['index.html', 'style.css'], null, [], '.'],
  ['a Procfile', ['Procfile', 'app.rb'], null, [], '.'],
  [
    'Node without anything to install',
    ['package.json', 'server.js'],
    { scripts: { start: 'node server.js' } },
    [],
    '.',
  ],
  ['a package.json that is not JSON', ['package.json'], '{', [], '.'],
  ['a package.json that is a list', ['package.json'], '[1]', [], '.'],
  [
    'Node with a lock, build and test',
    ['package.json', 'package-lock.json'],
    { scripts: { build: 'tsc', test: 'vitest run', start: 'node dist' }, devDependencies: { typescript: '*' } },
    [npmCi, 'npm run build', 'npm run test'],
    '.',
  ],
  ['Node without a lock', ['package.json'], { dependencies: { express: '4' } }, [npmInstall], '.'],
  [
    'the placeholder test that npm writes',
    ['package.json'],
    { scripts: { test: 'echo "Error: no test specified" && exit 1' } },
    [],
    '.',
  ],
  [
    'create-react-app',
    ['package.json', 'package-lock.json'],
    { scripts: { start: 'react-scripts start', build: 'react-scripts build' } },
    [npmCi, 'npm run build'],
    'build',
  ],
  [
    'Vite',
    ['package.json', 'index.html'],
    { scripts: { dev: 'vite', build: 'tsc -b && vite build' }, devDependencies: { vite: '8' } },
    [npmInstall, 'npm run build'],
    'dist',
  ],
  [
    'Astro with its Node adapter',
    ['package.json'],
    { scripts: { build: 'astro build' }, dependencies: { astro: '5', '@astrojs/node': '9' } },
    [npmInstall, 'npm run build'],
    '.',
  ],
  [
    'Vite in front of an own server',
    ['package.json'],
    { scripts: { start: 'node server.js', build: 'vite build' }, dependencies: { express: '5' } },
    [npmInstall, 'npm run build'],
    '.',
  ],
  [
    'Vite beside a Procfile',
    ['package.json', 'Procfile'],
    { scripts: { build: 'vite build' }, devDependencies: { vite: '8' } },
    [npmInstall, 'npm run build'],
    '.',
  ],
  ['a Python program without packages', ['app.py'], null, [], '.'],
])('%s', (_, names, packageJson, commands, path) => {
  const found = made(names as string[], packageJson)
  expect(found.commands).toEqual(commands)
  expect(found.release).toMatchObject({ action: 'release', with: path === '.' ? {} : { path } })
})

test("the lock's own tool is used where the machine has it", () => {
  const dependencies = { express: '4' }
  for (const [lock, tool] of [
    ['pnpm-lock.yaml', 'pnpm'],
    ['yarn.lock', 'yarn'],
    ['bun.lock', 'bun'],
  ] as const) {
    const [install] = made(['package.json', lock], { dependencies }).commands
    expect(install).toContain(`if command -v ${tool} >/dev/null; then`)
    expect(install).toContain(`else ${npmInstall} --no-package-lock; fi`)
  }
  expect(made(['package.json', 'yarn.lock', '.yarnrc.yml'], { dependencies }).commands[0]).toContain('--immutable')
})

test('Python packages are put into a folder of the release', () => {
  expect(made(['requirements.txt', 'app.py']).commands[0]).toContain('--target .packages -r requirements.txt')
  expect(made(['pyproject.toml']).commands).toHaveLength(1)
  expect(made(['pyproject.toml'], null, { pyproject: '[tool.ruff]\nline-length = 100\n' }).commands).toEqual([])
  expect(made(['Pipfile']).commands[0]).toContain('pipenv requirements')
})

test('a Python project with tests has them run before its release', () => {
  const testOf = (names: string[], more = {}) => made(['app.py', ...names], null, more).commands.at(-1)
  for (const names of [['tests'], ['test'], ['test_app.py'], ['app_test.py'], ['conftest.py'], ['pytest.ini']]) {
    expect(testOf(names), names[0]).toMatch(/python3 -m pytest .*\n.*python3 -m unittest discover/s)
  }
  expect(testOf(['tests'])).toContain('-s tests')
  expect(testOf(['tests', 'manage.py'])).toContain('else python3 manage.py test; fi')
  expect(testOf(['tests'])).not.toContain('pip install')
  expect(testOf(['conftest.py'])).toContain('|| python3 -m pip install')
  expect(testOf([], { pyproject: '[tool.pytest.ini_options]\n' })).toContain('test-packages" pytest')
  expect(testOf(['tests', 'requirements-dev.txt'])).toContain('test-packages" -r requirements-dev.txt')
  expect(testOf(['latest.py', 'contest'])).toBeUndefined()
})

test('the Python test step ends as the tests do, and leaves nothing in the release', { timeout: 60_000 }, ({
  skip,
}) => {
  if (spawnSync('python3', ['--version']).error) skip('python3 is not installed')
  const text =
    'import unittest\nfrom app import one\nclass T(unittest.TestCase):\n  def test_one(self):\n    self.assertEqual(one, 1)\n'
  const ends = (one: number, files: string[]) => {
    const folder = mkdtempSync(join(tmpdir(), 'juanie-python-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'app.py'), `one = ${one}\n`)
    for (const path of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), path.endsWith('__init__.py') ? '' : text)
    }
    const names = readdirSync(folder)
    const env = { PATH: process.env.PATH, HOME: folder, RUNNER_TEMP: join(folder, 'temp') }
    const { status } = spawnSync('bash', ['-e', '-c', made(names).commands.at(-1)!], { cwd: folder, env })
    expect(readdirSync(folder)).toEqual(names)
    return status
  }
  expect(ends(1, ['test_app.py'])).toBe(0)
  expect(ends(1, ['tests/__init__.py', 'tests/test_app.py'])).toBe(0)
  expect(ends(1, ['tests/test_app.py'])).toBe(0)
  expect(ends(2, ['tests/test_app.py'])).toBe(1)
})

test('the default branch is released, whatever its name', () => {
  for (const defaultBranch of ['main', 'c++', 'release/1.x', "it's", '!odd', 'a: b']) {
    const { workflow } = made([], null, { defaultBranch })
    const push = (branch: string) => matchPush(workflow.on.push!, { ref: `refs/heads/${branch}`, changedPaths: [] })
    expect(push(defaultBranch).matches, defaultBranch).toBe(true)
    expect(push(`${defaultBranch}x`).matches).toBe(false)
    expect(push('c+').matches).toBe(false)
  }
})
