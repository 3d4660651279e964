import type { Said } from '@juanie/workflow/say'
import type { Ask, Detected } from './contract.ts'
import { type Folder, folderAt, otherLanguage } from './detect/folder.ts'
import { detectNode, nodeAsks } from './detect/node.ts'
import { detectPython, pythonAsks } from './detect/python.ts'
import { staticSite } from './detect/static.ts'
import { namesOf } from './env-file.ts'
import type { Files } from './paths.ts'
import type { Problems } from './problems.ts'
import { said } from './sentences.ts'

/** How the application of one folder starts; null when nothing says so, which is then asked and not guessed. */
export function detect(files: Files, folder: string, problems: Problems): Detected | null {
  const inside = folderAt(files, folder)
  return detectNode(inside, problems) ?? detectPython(inside) ?? site(inside)
}

function site(folder: Folder): Detected | null {
  for (const root of ['.', 'dist', 'build', 'public', 'out', '_site', 'www']) {
    const index = root === '.' ? 'index.html' : `${root}/index.html`
    if (folder.has(index)) return staticSite(folder, root, `There is ${index} and no program, so the files are served.`)
  }
  return null
}

/** What the application seems to be written in, where that alone does not say how it starts. */
export function languageOf(files: Files): string | null {
  const folder = folderAt(files, '.')
  return otherLanguage(folder) ?? (folder.has('package.json') ? 'Node.js' : null)
}

export function asksOf(files: Files, problems: Problems): Ask[] {
  const folder = folderAt(files, '.')
  return [...nodeAsks(folder, problems), ...pythonAsks(folder)]
}

/** Variables of an example file that Juanie or the platform sets by itself. */
const given = new Set(['PORT', 'HOST', 'NODE_ENV', 'PATH', 'HOME', 'TZ', 'LANG'])

/** The variables that the application seems to need, by the example it keeps of its `.env`. */
export function requiredVariables(files: Files): string[] {
  for (const file of ['.env.example', '.env.sample', '.env.template', '.env.dist', 'example.env']) {
    const text = files.list().includes(file) ? files.read(file) : null
    if (text !== null)
      return namesOf(text)
        .filter((name) => !given.has(name))
        .slice(0, 200)
  }
  return []
}

/**
 * What is told when `version` (of what a host has) is older than what the application asks for; null when it will do or
 * when the ask is in no form that is understood here. An ask for an older version is not reported: newer ones run it.
 */
export function olderThanAsked(ask: Ask, version: string): Said | null {
  const has = numbers(version)
  if (has.length === 0) return null
  const alternatives = ask.version.split('||').map((one) => lowerBound(one))
  const wanted = alternatives.filter((one) => one !== null)
  if (wanted.length === 0 || wanted.length < alternatives.length) return null
  if (wanted.some((one) => compare(has, one) >= 0)) return null
  const language = ask.language === 'node' ? 'Node.js' : 'Python'
  const { file, version: asked } = ask
  return said('languageOlder', { file, language, asked, version: version.replace(/^v/, '') })
}

/** The least version that a range takes in; null when it has no lower bound. */
function lowerBound(range: string): number[] | null {
  const bounds = [...range.matchAll(/(>=|>|\^|~=?|==|=|<=|<|!=)?\s*v?(\d+(?:\.\d+){0,2})/g)]
  const lower = bounds.filter(([, operator]) => operator === undefined || !/^(<|!)/.test(operator))
  const [first, ...rest] = lower.map(([, , version]) => numbers(version as string))
  if (first === undefined) return null
  return rest.reduce((least, one) => (compare(one, least) > 0 ? one : least), first)
}

const numbers = (version: string): number[] =>
  (/\d+(\.\d+)*/.exec(version)?.[0] ?? '').split('.').filter(Boolean).map(Number)

function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < b.length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
