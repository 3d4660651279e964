/** What is looked at in the root folder of a repository that has no workflow. */
export interface DetectedFiles {
  /** Names in the root folder; folders without a slash at the end. */
  names: string[]
  /** Text of package.json, null when there is none. */
  packageJson: string | null
  /** Text of pyproject.toml when there is one and it was read. */
  pyproject?: string | null
  /** The branch whose pushes are released; `main` when it is not said. */
  defaultBranch?: string
}

/** Where the default workflow would lie if someone wrote it out. */
const file = '.juanie/workflows/default.yml'

interface Build {
  /** What was found, for the comment at the top. */
  found: string
  steps: { name: string; run: string[] }[]
  /** Folder that becomes the release. */
  path: string
}

/**
 * The workflow of a repository without one: what can be installed, built and tested is, and a push of the default
 * branch ends in a release. How the application is run is decided elsewhere, from the release itself.
 */
export function defaultWorkflow(files: DetectedFiles): { file: string; text: string; isApplication: boolean } {
  const build = detect(files)
  const lines = [
    `# Made by Juanie because the repository has no workflow. Found: ${build.found}.`,
    'name: Default',
    'on:',
    '  push:',
    `    branches: [${JSON.stringify(literalFilter(files.defaultBranch ?? 'main'))}]`,
    '  workflow_dispatch:',
    '',
    'jobs:',
    '  release:',
    '    runs-on: ubuntu-latest',
    '    steps:',
    '      - uses: actions/checkout@v4',
    ...build.steps.flatMap(({ name, run }) => [
      `      - name: ${name}`,
      ...(run.length === 1
        ? [`        run: ${run[0]}`]
        : ['        run: |', ...run.map((line) => `          ${line}`)]),
    ]),
    '      - uses: juanie/release@v1',
    ...(build.path === '.' ? [] : ['        with:', `          path: ${build.path}`]),
  ]
  return { file, text: `${lines.join('\n')}\n`, isApplication: build.found !== nothing }
}

const nothing = 'nothing that needs to be built'

/** A branch may be called `c++`, and a plus sign repeats in a filter. */
const literalFilter = (branch: string) => branch.replace(/[*?+[\]!\\]/g, '\\$&')

function detect({ names, packageJson, pyproject }: DetectedFiles): Build {
  const has = new Set(names)
  const described = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml', 'Procfile'].find(
    (name) => has.has(name),
  )
  const suffix = described ? ` with ${described}` : ''
  if (packageJson !== null) {
    const node = detectNode(has, packageJson, described !== undefined)
    return { ...node, found: node.found + suffix }
  }
  const python = ['requirements.txt', 'pyproject.toml', 'Pipfile', 'setup.py'].find((name) => has.has(name))
  const program = python ?? names.find((name) => name.endsWith('.py'))
  if (program) {
    const test = pythonTest(has, pyproject)
    const found = `Python (${program})${test ? ' with tests' : ''}${suffix}`
    const steps = [...pythonSteps(has, pyproject), ...(test ? [{ name: 'Test', run: test }] : [])]
    return { found, steps, path: '.' }
  }
  if (described) return { found: described, steps: [], path: '.' }
  if (has.has('index.html')) return { found: 'a static site (index.html)', steps: [], path: '.' }
  return { found: nothing, steps: [], path: '.' }
}

interface Package {
  scripts: Record<string, string>
  /** Names of everything that an installation brings. */
  dependencies: Set<string>
}

function readPackage(text: string): Package | null {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return null
  }
  const part = (key: string) => {
    const found = (value as Record<string, unknown> | null)?.[key]
    return found !== null && typeof found === 'object' ? (found as Record<string, unknown>) : {}
  }
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']
  const scripts = Object.entries(part('scripts')).filter(
    (each): each is [string, string] => typeof each[1] === 'string',
  )
  const workspaces = (value as Record<string, unknown> | null)?.workspaces ? ['workspaces'] : []
  return {
    scripts: Object.fromEntries(scripts),
    dependencies: new Set([...kinds.flatMap((kind) => Object.keys(part(kind))), ...workspaces]),
  }
}

function detectNode(has: Set<string>, text: string, isDescribed: boolean): Build {
  const found = readPackage(text)
  if (!found) return { found: 'a package.json that is not JSON', steps: [], path: '.' }
  const { scripts } = found
  const install = installSteps(has, found)
  const steps = install ? [{ name: 'Install', run: install }] : []
  if (scripts.build?.trim()) steps.push({ name: 'Build', run: ['npm run build'] })
  // The placeholder that `npm init` writes fails always.
  if (scripts.test?.trim() && !/no test specified/.test(scripts.test))
    steps.push({ name: 'Test', run: ['npm run test'] })
  const output = isDescribed ? null : builtSite(found)
  const what = ['build', 'test'].filter((name) => steps.some((step) => step.name.toLowerCase() === name))
  const scriptsFound = what.length > 0 ? ` with a ${what.join(' and a ')} script` : ''
  const site = output ? `, a site built into ${output}/` : ''
  return { found: `Node.js${scriptsFound}${site}`, steps, path: output ?? '.' }
}

/**
 * The lock's own tool where the machine has it, else npm, which reads neither of the other locks. Builds need the
 * development dependencies, which npm leaves out when NODE_ENV is production. Null when there is nothing to install.
 */
function installSteps(has: Set<string>, { dependencies, scripts }: Package): string[] | null {
  const npm = 'npm install --include=dev --no-audit --no-fund'
  const withTool = (tool: string, command: string) => [
    `if command -v ${tool} >/dev/null; then ${command}`,
    `else ${npm} --no-package-lock; fi`,
  ]
  if (has.has('package-lock.json') || has.has('npm-shrinkwrap.json')) {
    return ['npm ci --include=dev --no-audit --no-fund']
  }
  if (has.has('pnpm-lock.yaml')) return withTool('pnpm', 'pnpm install --frozen-lockfile --prod=false')
  if (has.has('yarn.lock')) {
    // A release holds plain folders, so Yarn's own way of finding packages is not used.
    const modern = 'YARN_NODE_LINKER=node-modules yarn install --immutable'
    return withTool('yarn', has.has('.yarnrc.yml') ? modern : 'yarn install --frozen-lockfile --production=false')
  }
  if (has.has('bun.lock') || has.has('bun.lockb')) return withTool('bun', 'bun install --frozen-lockfile')
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare'].some((name) => scripts[name])
  return dependencies.size > 0 || hooks ? [npm] : null
}

/** Where the generators of sites that hold no server of their own leave what they built. */
const generators: [RegExp, string][] = [
  [/\b(react-scripts|craco|react-app-rewired) build\b/, 'build'],
  [/\bdocusaurus build\b/, 'build'],
  [/\bgatsby build\b/, 'public'],
  [/\beleventy\b/, '_site'],
  [/\b(vite build|vite-ssg build|astro build|vue-cli-service build|parcel build)\b/, 'dist'],
]

/** The folder of a built site, or null when a program of the repository serves what is built. */
function builtSite({ scripts, dependencies }: Package): string | null {
  const output = generators.find(([pattern]) => pattern.test(scripts.build ?? ''))?.[1]
  if (!output || dependencies.has('@astrojs/node')) return null
  const start = scripts.start?.trim() ?? ''
  const isDevelopmentServer =
    start === '' ||
    /\b(react-scripts|craco|react-app-rewired|docusaurus|vue-cli-service serve|gatsby|eleventy|astro|parcel|vite)\b/.test(
      start,
    )
  const isServer = ['express', 'fastify', 'koa', '@nestjs/core', 'hono', 'next', 'nuxt'].some((name) =>
    dependencies.has(name),
  )
  return isDevelopmentServer && !(isServer && start !== '') ? output : null
}

/**
 * Packages go into a folder of the release. A virtual environment would not do: it holds absolute paths and links to
 * the machine's Python.
 */
function pythonSteps(has: Set<string>, pyproject: string | null | undefined): Build['steps'] {
  const install = (what: string) => `python3 -m pip install --disable-pip-version-check --target .packages ${what}`
  const step = (...run: string[]) => [{ name: 'Install', run }]
  if (has.has('requirements.txt')) {
    return step("if grep -q '^[^#[:space:]]' requirements.txt; then", `  ${install('-r requirements.txt')}`, 'fi')
  }
  // Many a pyproject.toml only holds the settings of tools; such a folder cannot be installed.
  const isProject = pyproject ? /^\[(project|tool\.poetry|build-system)\]/m.test(pyproject) : has.has('pyproject.toml')
  if (isProject || has.has('setup.py')) return step(install('.'))
  if (has.has('Pipfile')) {
    return step('python3 -m pipenv requirements > .requirements.txt', install('-r .requirements.txt'))
  }
  return []
}

/**
 * pytest where it is asked for or installed, else the standard library's. What only tests need is kept out of the
 * release, and so are compiled files, which hold times and would make each release another one. Code 5 says that no
 * test was found: a folder of data for tests is no failure. Null when there are no tests.
 */
function pythonTest(has: Set<string>, pyproject: string | null | undefined): string[] | null {
  const folder = ['tests', 'test'].find((name) => has.has(name))
  const asksForPytest = has.has('pytest.ini') || has.has('conftest.py') || /\bpytest\b/.test(pyproject ?? '')
  const isTested = folder ?? [...has].some((name) => /^(test_.*|.*_test|tests?)\.py$/.test(name))
  if (!isTested && !asksForPytest) return null
  const listed = ['requirements-dev.txt', 'requirements-test.txt', 'dev-requirements.txt', 'test-requirements.txt']
    .filter((name) => has.has(name))
    .map((name) => `-r ${name}`)
  const install = `python3 -m pip install --disable-pip-version-check --target "$RUNNER_TEMP/test-packages"`
  const isPytest = `python3 -c 'import pytest' 2>/dev/null`
  return [
    'export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PWD/.packages:$RUNNER_TEMP/test-packages"',
    ...(listed.length > 0 ? [`${install} ${listed.join(' ')}`] : []),
    ...(asksForPytest ? [`${isPytest} || ${install} pytest`] : []),
    `if ${isPytest}; then python3 -m pytest -p no:cacheprovider || [ $? = 5 ]`,
    ...(has.has('manage.py') ? ['else python3 manage.py test; fi'] : unittest(folder)),
  ]
}

/** Tests in a folder without an `__init__.py` are only found when the search begins there. */
const unittest = (folder: string | undefined): string[] =>
  folder === undefined
    ? ['else python3 -m unittest discover || [ $? = 5 ]; fi']
    : [
        `elif [ -e ${folder}/__init__.py ]; then python3 -m unittest discover || [ $? = 5 ]`,
        `else python3 -m unittest discover -s ${folder} || [ $? = 5 ]; fi`,
      ]
