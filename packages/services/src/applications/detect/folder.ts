import { type Files, within } from '../paths.ts'

/** One folder of the application as detection looks at it. */
export interface Folder {
  read(path: string): string | null
  has(path: string): boolean
  /** Paths relative to this folder. */
  paths(): readonly string[]
}

/** What detection looks at is at the top; a large folder's depths would only cost time. */
const maxPaths = 50_000

export function folderAt(files: Files, folder: string): Folder {
  const prefix = folder === '.' ? '' : `${folder}/`
  const inside = files
    .list()
    .filter((path) => path.startsWith(prefix) && !path.includes('node_modules/'))
    .slice(0, maxPaths)
    .map((path) => path.slice(prefix.length))
    .sort()
  const known = new Set(inside)
  return {
    read: (path) => {
      const full = within(folder, path)
      return full === null || !known.has(within('.', path) ?? '') ? null : files.read(full)
    },
    has: (path) => known.has(within('.', path) ?? ''),
    paths: () => inside,
  }
}

/** Files that show a language whose start command cannot be known: it depends on what was built. */
const marks: [string, string][] = [
  ['go.mod', 'Go'],
  ['Cargo.toml', 'Rust'],
  ['composer.json', 'PHP'],
  ['index.php', 'PHP'],
  ['Gemfile', 'Ruby'],
  ['pom.xml', 'Java'],
  ['build.gradle', 'Java'],
  ['build.gradle.kts', 'Kotlin'],
  ['mix.exs', 'Elixir'],
  ['deno.json', 'Deno'],
  ['Package.swift', 'Swift'],
]

export function otherLanguage(folder: Folder): string | null {
  return marks.find(([file]) => folder.has(file))?.[1] ?? null
}
