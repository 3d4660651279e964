/**
 * The files of one application. Paths are relative to its folder and use `/`. The caller keeps the promise that a path
 * with links in it does not lead out of the folder; `..` and absolute paths never reach it.
 */
export interface Files {
  /** The text of a file; null when there is none, or when it is a folder or not text. */
  read(path: string): string | null
  /** Every file's path. */
  list(): string[]
}

/** Resolves `path` against `folder` (`.` is the root). Null when it is absolute or leads outside. */
export function within(folder: string, path: string): string | null {
  if (path.startsWith('/') || path.startsWith('~') || /^[A-Za-z]:[\\/]/.test(path) || path.includes('\0')) return null
  const parts = folder === '.' ? [] : folder.split('/')
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return null
  }
  return parts.length === 0 ? '.' : parts.join('/')
}

export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '.' : path.slice(0, slash)
}
