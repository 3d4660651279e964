import { describe, expect, test } from 'vitest'
import { describeApplication } from './describe.ts'
import { olderThanAsked } from './detect.ts'
import { applicationOf, filesOf } from './testing.ts'

const command = (texts: Record<string, string>) => applicationOf(texts).services[0]?.command
const exec = (...argv: string[]) => ({ kind: 'exec', argv })
const site = (root: string, fallback: string | null = null) => ({ kind: 'static', root, fallback })
const pkg = (value: unknown) => ({ 'package.json': JSON.stringify(value) })

describe('Node.js', () => {
  test('a plain start script runs without npm in between', () => {
    expect(command(pkg({ scripts: { start: 'node server.js --port 1' } }))).toEqual(
      exec('node', 'server.js', '--port', '1'),
    )
  })

  test.each([
    { start: 'NODE_ENV=production node server.js' },
    { start: 'node server.js && echo done' },
    { start: 'tsx src/server.ts' },
    { start: 'node server.js', prestart: 'node build.js' },
    { start: 'node server.js $ARGS' },
  ])('%j runs through npm', (scripts) => {
    expect(command(pkg({ scripts }))).toEqual(exec('npm', 'run', 'start'))
  })

  test.each([
    ['react-scripts start', 'build', 'index.html'],
    ['PORT=3001 react-scripts start', 'build', 'index.html'],
    ['vite', 'dist', 'index.html'],
    ['vite --host', 'dist', 'index.html'],
    ['astro dev', 'dist', null],
    ['vue-cli-service serve', 'dist', 'index.html'],
    ['gatsby develop', 'public', null],
  ])('the development server `%s` means the built site in %s', (start, root, fallback) => {
    expect(command(pkg({ scripts: { start } }))).toEqual(site(root, fallback))
  })

  test('vite preview is no development server', () => {
    expect(command(pkg({ scripts: { start: 'vite preview' } }))).toEqual(exec('npm', 'run', 'start'))
  })

  test('a build script of a site generator without start means the built site', () => {
    expect(command({ ...pkg({ scripts: { build: 'tsc && vite build' } }), 'index.html': '' })).toEqual(
      site('dist', 'index.html'),
    )
    expect(command(pkg({ scripts: { build: 'astro build' } }))).toEqual(site('dist'))
    expect(command(pkg({ scripts: { build: 'astro build' }, dependencies: { '@astrojs/node': '1' } }))).toEqual(
      exec('node', './dist/server/entry.mjs'),
    )
  })

  test('a server that is only started for development runs what was built', () => {
    expect(command(pkg({ scripts: { start: 'next dev' }, dependencies: { next: '15' } }))).toEqual(
      exec('node_modules/.bin/next', 'start'),
    )
  })

  test('without a start script the program that main names runs, if it is there', () => {
    expect(command({ ...pkg({ main: 'src/app.js' }), 'src/app.js': '' })).toEqual(exec('node', 'src/app.js'))
    expect(command({ ...pkg({ main: 'gone.js' }), 'index.js': '' })).toEqual(exec('node', 'index.js'))
    expect(() => command(pkg({ main: '../outside.js' }))).toThrow(/Nothing says how this Node\.js application starts/)
  })

  test('a packed folder without package.json, or with a damaged one, still has its program', () => {
    expect(command({ 'server.js': '', 'lib/x.js': '' })).toEqual(exec('node', 'server.js'))
    expect(command({ 'package.json': '{ broken', 'index.js': '' })).toEqual(exec('node', 'index.js'))
    expect(command({ 'package.json': '{"scripts": "odd", "main": 5}', 'index.js': '' })).toEqual(
      exec('node', 'index.js'),
    )
  })

  test('it has a port, a route and the default probe', () => {
    expect(applicationOf({ 'server.js': '' })).toMatchObject({
      services: [
        {
          name: 'web',
          kind: 'server',
          hasPort: true,
          declaredPort: 3000,
          health: { kind: 'default' },
          restart: 'always',
        },
      ],
      routes: [{ service: 'web', hostname: 'default' }],
      migrate: null,
    })
  })
})

describe('Python', () => {
  test.each([
    [{ 'main.py': 'print(1)' }, exec('python3', 'main.py')],
    [
      { 'requirements.txt': 'flask\ngunicorn==21', 'app.py': 'app = Flask(__name__)' },
      exec('python3', '-m', 'gunicorn', 'app:app'),
    ],
    [
      { 'requirements.txt': 'Flask', 'app.py': 'app = Flask(__name__)\nif __name__ == "__main__":\n  app.run()' },
      exec('python3', 'app.py'),
    ],
    [
      { 'requirements.txt': 'django\ngunicorn', 'manage.py': '', 'shop/wsgi.py': '' },
      exec('python3', '-m', 'gunicorn', 'shop.wsgi'),
    ],
  ])('%j', (texts, expected) => {
    expect(command(texts as Record<string, string>)).toEqual(expected)
  })

  test.each([
    [
      { 'pyproject.toml': 'dependencies = ["fastapi[standard]>=0.1"]', 'main.py': 'api: FastAPI = FastAPI()' },
      /-m uvicorn main:api .*--port "\$PORT"/,
    ],
    [
      { 'requirements.txt': 'uvicorn\nstarlette', 'app/main.py': 'app = Starlette(debug=True)' },
      /uvicorn app\.main:app/,
    ],
    [
      { 'requirements.txt': 'flask', 'app.py': 'app = Flask(__name__)' },
      /-m flask --app app:app run .*--port "\$PORT"/,
    ],
    [{ 'requirements.txt': 'Django', 'manage.py': '' }, /manage\.py runserver --noreload .*\$PORT/],
    [{ 'requirements.txt': 'streamlit', 'app.py': '' }, /streamlit run app\.py .*\$PORT/],
  ])('%j runs a server on PORT', (texts, line) => {
    expect(command(texts as Record<string, string>)).toEqual({ kind: 'shell', line: expect.stringMatching(line) })
  })

  test('packages that were installed into a folder of the release are found', () => {
    const { services } = applicationOf({ 'main.py': '', 'vendor/flask-3.0.dist-info/METADATA': 'Name: flask' })
    expect(services[0]!.environment).toEqual({ PYTHONUNBUFFERED: '1', PYTHONPATH: 'vendor' })
  })
})

describe('sites of files', () => {
  test.each([
    [{ 'index.html': '<h1>', 'about.html': '' }, site('.')],
    [
      {
        'index.html': '<div id="app"><script type="module" src="/assets/index-1.js"></script>',
        'assets/index-1.js': '',
      },
      site('.', 'index.html'),
    ],
    [{ 'public/index.html': '', 'README.md': '' }, site('public')],
  ])('%j', (texts, expected) => {
    expect(command(texts as Record<string, string>)).toEqual(expected)
  })
})

test.each([
  [{ 'go.mod': 'module x' }, 'Go '],
  [{ 'composer.json': '{}', ...pkg({ scripts: { build: 'vite build' } }) }, 'PHP '],
  [{ 'README.md': '' }, ''],
])('%j: no start command is asked for, not guessed', (texts, language) => {
  expect(() => applicationOf(texts as Record<string, string>)).toThrow(
    expect.objectContaining({
      code: 'invalid',
      reason: 'application.no_start_command',
      message: `Nothing says how this ${language}application starts. Add a file named Procfile with the line \`web: <command>\`, or a compose.yaml with a service that has a \`command:\`.`,
    }),
  )
})

test('variables of an example file that nothing sets are named', () => {
  const texts = { 'server.js': '', '.env.example': 'DATABASE_URL=\nPORT=3000\nAPI_KEY=abc\nSECRET=' }
  expect(applicationOf(texts, { variables: { API_KEY: 'x' }, secrets: ['SECRET'] }).requires).toEqual(['DATABASE_URL'])
})

test('languages that the application asks for are kept with their file', () => {
  const source = describeApplication(
    filesOf({
      ...pkg({ engines: { node: '>=22' } }),
      '.nvmrc': 'v20.1\n',
      'pyproject.toml': 'requires-python = ">=3.12"',
      'runtime.txt': 'python-3.11.2',
    }),
  )
  expect(source.asks).toEqual([
    { language: 'node', version: '20.1', file: '.nvmrc' },
    { language: 'node', version: '>=22', file: 'package.json' },
    { language: 'python', version: '3.11.2', file: 'runtime.txt' },
    { language: 'python', version: '>=3.12', file: 'pyproject.toml' },
  ])
})

test.each([
  ['22', 'v20.20.2', true],
  ['>=22', '20.20.2', true],
  ['^20.19.0 || ^22.12.0 || >=24', '20.20.2', false],
  ['^20.19.0 || ^22.12.0', '20.1.0', true],
  ['18', '20.20.2', false],
  ['>=18 <23', '20.20.2', false],
  ['20.x', '20.1.0', false],
  ['<19', '20.0.0', false],
  ['lts/*', '20.0.0', false],
  ['*', '20.0.0', false],
])('an ask for %s with %s on the host: older is %s', (asked, version, isOlder) => {
  expect(olderThanAsked({ language: 'node', version: asked, file: '.nvmrc' }, version) !== null).toBe(isOlder)
})

test('a host that is older than asked is a warning in one sentence', () => {
  const texts = { 'server.js': '', '.nvmrc': '24' }
  expect(applicationOf(texts, { installed: { node: 'v20.1.0' } }).warnings).toMatchObject([
    { reason: 'application.language_older', message: '.nvmrc asks for Node.js 24, and this host has 20.1.0.' },
  ])
  expect(applicationOf(texts, { installed: { node: 'v24.1.0' } }).warnings).toEqual([])
})
