import type { Ask, Command, Detected } from '../contract.ts'
import type { Folder } from './folder.ts'

const manifests = ['requirements.txt', 'pyproject.toml', 'Pipfile', 'setup.py', 'setup.cfg', 'uv.lock', 'poetry.lock']
/** Where the program of a small application usually stands, most telling first. */
const programs = ['main.py', 'app.py', 'server.py', 'wsgi.py', 'asgi.py', 'run.py', 'application.py']

export function detectPython(folder: Folder): Detected | null {
  const listed = manifests.map((file) => folder.read(file)?.slice(0, 200_000).toLowerCase() ?? '').join('\n')
  const at = (path: string) => folder.has(path)
  const isPython = manifests.some(at) || programs.some(at) || at('manage.py')
  if (!isPython) return null
  const needs = (name: string) => new RegExp(`(^|[\\s"'\\[])${name}($|[\\s"'\\[<>=~!;,])`, 'm').test(listed)
  const found = (command: Command, because: string): Detected => ({
    language: 'python',
    because,
    command,
    environment: { PYTHONUNBUFFERED: '1', ...packagesOf(folder) },
  })
  const module = (...argv: string[]): Command => ({ kind: 'exec', argv: ['python3', '-m', ...argv] })
  const shell = (line: string): Command => ({ kind: 'shell', line: `exec python3 ${line}` })

  if (at('manage.py')) {
    const wsgi = folder.paths().find((path) => /^[A-Za-z_]\w*\/wsgi\.py$/.test(path))
    // gunicorn listens on PORT by itself.
    if (needs('gunicorn') && wsgi !== undefined)
      return found(module('gunicorn', `${wsgi.split('/')[0]}.wsgi`), 'Django with gunicorn.')
    return found(
      shell('manage.py runserver --noreload "${HOST:-127.0.0.1}:$PORT"'),
      'Django without gunicorn: its development server.',
    )
  }
  const asgi = objectIn(folder, /^(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:fastapi\.)?(?:FastAPI|Starlette|Litestar|Quart)\(/m)
  if (asgi !== null && (needs('uvicorn') || needs('fastapi') || needs('starlette')))
    return found(
      shell(`-m uvicorn ${asgi} --host "\${HOST:-127.0.0.1}" --port "$PORT"`),
      `${asgi} is an ASGI application, run by uvicorn.`,
    )
  const wsgi = objectIn(folder, /^(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:(?:flask\.)?Flask|Bottle|create_app|make_app)\(/m)
  if (wsgi !== null && needs('gunicorn'))
    return found(module('gunicorn', wsgi), `${wsgi} is a WSGI application, run by gunicorn.`)
  if (needs('streamlit')) {
    const program = ['streamlit_app.py', ...programs].find(at)
    if (program !== undefined)
      return found(
        shell(`-m streamlit run ${program} --server.headless true --server.port "$PORT"`),
        `${program} is a Streamlit application.`,
      )
  }
  const program = programs.find(at)
  const text = program === undefined ? '' : (folder.read(program) ?? '')
  const startsItself = /__name__\s*==\s*['"]__main__['"]|\.run\(|serve_forever\(|runserver|uvicorn\.run/.test(text)
  if (wsgi !== null && needs('flask') && !startsItself)
    return found(
      shell(`-m flask --app ${wsgi} run --host "\${HOST:-127.0.0.1}" --port "$PORT"`),
      `${wsgi} is a Flask application.`,
    )
  if (program === undefined) return null
  return found({ kind: 'exec', argv: ['python3', program] }, `${program} is the program at the top.`)
}

/** `module:object` of the first program that makes such an application. */
function objectIn(folder: Folder, pattern: RegExp): string | null {
  const nested = folder.paths().filter((path) => /^(app|src|api)\/(main|app|__init__)\.py$/.test(path))
  for (const path of [...programs.filter((one) => folder.has(one)), ...nested]) {
    const name = pattern.exec(folder.read(path) ?? '')?.[1]
    if (name !== undefined) return `${path.replace(/(\/__init__)?\.py$/, '').replaceAll('/', '.')}:${name}`
  }
  return null
}

/** Packages that `pip install --target` put into a folder of the release. */
function packagesOf(folder: Folder): Record<string, string> {
  const packaged = /^([^/]+)\/[^/]+\.dist-info\/METADATA$/
  const path = folder.paths().find((one) => packaged.test(one))
  const name = path === undefined ? undefined : packaged.exec(path)?.[1]
  return name === undefined ? {} : { PYTHONPATH: name }
}

export function pythonAsks(folder: Folder): Ask[] {
  const asks: Ask[] = []
  const add = (file: string, pattern: RegExp) => {
    const version = pattern.exec(folder.read(file) ?? '')?.[1]?.trim()
    if (version) asks.push({ language: 'python', version: version.slice(0, 100), file })
  }
  add('.python-version', /^\s*(\d[\d.]*)/)
  add('runtime.txt', /^python-(\d[\d.]*)/m)
  add('pyproject.toml', /^\s*requires-python\s*=\s*["']([^"'\n]+)["']/m)
  add('Pipfile', /^\s*python_(?:full_)?version\s*=\s*["']([^"'\n]+)["']/m)
  return asks
}
