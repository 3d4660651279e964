import * as z from 'zod/mini'
import type { Ask, Detected } from '../contract.ts'
import type { Problems } from '../problems.ts'
import { said } from '../sentences.ts'
import { splitWords } from '../words.ts'
import { type Folder, otherLanguage } from './folder.ts'
import { staticRoot } from './static.ts'

/** What detection reads of a package.json; what has another form is as if it were not there. */
const Package = z.object({
  name: z.catch(z.optional(z.string()), undefined),
  main: z.catch(z.optional(z.string()), undefined),
  scripts: z.catch(z.record(z.string(), z.string()), {}),
  dependencies: z.catch(z.record(z.string(), z.unknown()), {}),
  devDependencies: z.catch(z.record(z.string(), z.unknown()), {}),
  engines: z.catch(z.record(z.string(), z.unknown()), {}),
})
type Package = z.infer<typeof Package>

function readPackage(folder: Folder, problems: Problems): Package | null {
  const text = folder.read('package.json')
  if (text === null) return null
  try {
    return Package.parse(JSON.parse(text.replace(/^\uFEFF/, '')))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    problems.warn({ at: { file: 'package.json', line: 0, column: 0 }, said: said('packageUnreadable', { text }) })
    return null
  }
}

const node = (argv: [string, ...string[]], because: string): Detected => ({
  language: 'node',
  because,
  command: { kind: 'exec', argv },
  environment: { NODE_ENV: 'production' },
})

/** Where the tools that serve a site during development leave the built one. */
const devServers: [RegExp, string][] = [
  [/^(react-scripts|craco|react-app-rewired) start\b/, 'build'],
  [/^vite(?!\s+(preview|build|optimize))(\s|$)/, 'dist'],
  [/^astro (dev|start)\b|^astro$/, 'dist'],
  [/^vue-cli-service serve\b/, 'dist'],
  [/^(webpack serve|webpack-dev-server|parcel)\b/, 'dist'],
  [/^gatsby develop\b/, 'public'],
  [/^docusaurus start\b/, 'build'],
  [/^(npx )?(ng serve|ng s)\b/, 'dist'],
]

export function detectNode(folder: Folder, problems: Problems): Detected | null {
  const found = readPackage(folder, problems)
  if (found === null) return plainNode(folder)
  const { scripts } = found
  const start = scripts.start?.trim()
  if (start !== undefined && start !== '') {
    const site = builtSite(folder, found, start)
    if (site !== null) return site
    const server = builtServer(found, start)
    return server ?? started(start, scripts)
  }
  // Beside a program in another language, package.json is for its styles and scripts.
  return otherLanguage(folder) === null && !folder.has('manage.py') ? withoutStart(folder, found) : null
}

/** `start` of a site's generator serves for development only: what it builds is what runs. */
function builtSite(folder: Folder, found: Package, start: string): Detected | null {
  const bare = start
    .replace(/^(?:(?:cross-env\s+)?(?:[A-Z_][A-Z0-9_]*=\S*\s+))*/, '')
    .replace(/^(npx|pnpm exec|yarn) /, '')
  const server = devServers.find(([pattern]) => pattern.test(bare))
  if (server === undefined) return null
  const dependencies = { ...found.dependencies, ...found.devDependencies }
  if ('@astrojs/node' in dependencies)
    return node(['node', './dist/server/entry.mjs'], 'Astro with its Node adapter: the built server runs.')
  const root = server[1] === 'dist' ? distOf(folder, found) : server[1]
  // Astro, Gatsby and Docusaurus write a page for each path.
  const isSinglePage = !/^(astro|gatsby|docusaurus)/.test(bare)
  return staticRoot(
    root,
    isSinglePage,
    `The start script \`${start}\` serves for development, so the built site in ${root}/ is served.`,
  )
}

/** Angular writes into a folder of the project's name. */
function distOf(folder: Folder, found: Package): string {
  const index = folder.paths().find((path) => /^dist\/([^/]+\/){0,2}index\.html$/.test(path))
  if (index !== undefined) return index.slice(0, -'/index.html'.length)
  const isAngular = '@angular/core' in { ...found.dependencies, ...found.devDependencies }
  return isAngular && found.name !== undefined ? `dist/${found.name}/browser` : 'dist'
}

function builtServer(found: Package, start: string): Detected | null {
  if (/^next dev\b/.test(start) || (start === 'next' && 'next' in found.dependencies))
    return node(
      ['node_modules/.bin/next', 'start'],
      'Next.js: the start script serves for development, so `next start` runs.',
    )
  if (/^nuxt (dev|start)\b|^nuxi dev\b/.test(start))
    return node(['node', '.output/server/index.mjs'], 'Nuxt: the built server runs.')
  return null
}

/** A script that only names a program of Node runs without npm in between, so that signals reach it. */
function started(start: string, scripts: Record<string, string>): Detected {
  const words = splitWords(start)
  const argv = words?.argv ?? []
  const isPlain =
    words !== null && words.cutAt === null && argv[0] === 'node' && argv.length > 1 && !/[$`*?~]/.test(start)
  if (isPlain && scripts.prestart === undefined && scripts.poststart === undefined)
    return node(argv as [string, ...string[]], `The start script of package.json is \`${start}\`.`)
  return node(['npm', 'run', 'start'], 'package.json has a start script.')
}

function withoutStart(folder: Folder, found: Package): Detected | null {
  const { scripts, dependencies, devDependencies } = found
  const all = { ...dependencies, ...devDependencies }
  const build = scripts.build ?? ''
  if ('next' in dependencies) return node(['node_modules/.bin/next', 'start'], 'Next.js, built by `next build`.')
  if ('nuxt' in all) return node(['node', '.output/server/index.mjs'], 'Nuxt: the built server runs.')
  const main = [found.main, 'server.js', 'index.js'].find(
    (path) => path !== undefined && isProgram(path) && folder.has(path),
  )
  const isSite = /\b(vite|astro|react-scripts|vue-cli-service|ng|parcel|webpack) ?/.test(build)
  if (isSite && (main === undefined || folder.has('index.html'))) {
    if ('@astrojs/node' in all)
      return node(['node', './dist/server/entry.mjs'], 'Astro with its Node adapter: the built server runs.')
    const root = build.includes('react-scripts') ? 'build' : distOf(folder, found)
    return staticRoot(
      root,
      !build.includes('astro'),
      `The build script \`${build}\` makes a site, so ${root}/ is served.`,
    )
  }
  if (main === undefined) return null
  return node(['node', main], `package.json has no start script, and ${main} is the program it names.`)
}

const isProgram = (path: string): boolean =>
  /\.(js|mjs|cjs)$/.test(path) && !path.startsWith('/') && !path.includes('..')

/** A packed folder may hold the program alone. */
function plainNode(folder: Folder): Detected | null {
  if (folder.has('index.html')) return null
  const main = ['server.js', 'server.mjs', 'index.js', 'index.mjs', 'main.js'].find((path) => folder.has(path))
  return main === undefined
    ? null
    : node(['node', main], `There is no package.json, and ${main} is the only program at the top.`)
}

export function nodeAsks(folder: Folder, problems: Problems): Ask[] {
  const asks: Ask[] = []
  for (const file of ['.nvmrc', '.node-version']) {
    const version = folder.read(file)?.trim().replace(/^v/, '')
    if (version !== undefined && /^\d/.test(version))
      asks.push({ language: 'node', version: version.split(/\s/)[0] as string, file })
  }
  const engine = readPackage(folder, problems)?.engines.node
  if (typeof engine === 'string') asks.push({ language: 'node', version: engine.slice(0, 100), file: 'package.json' })
  return asks
}
