/** What the text after `uses:` of a step names. */
export type ActionRef =
  /** A folder below the workspace, read at the moment the step runs. */
  | { kind: 'local'; path: string }
  /** A folder of the repository that holds the file which says so, at the commit that is running. */
  | { kind: 'self'; path: string }
  /** `path` is empty, or a folder without slashes at its ends. */
  | { kind: 'remote'; owner: string; name: string; path: string; ref: string }
  | { kind: 'docker'; image: string }

const namePattern = /^(?![.-])[A-Za-z0-9_.-]{1,100}$/
const commitPattern = /^[0-9a-f]{40}$/i

/**
 * Reads `uses` of a step; null when it is none of the four forms. What comes back can be put into a path or be given
 * to git: no part begins with a dash, and no folder leads upwards.
 */
export function parseActionRef(uses: string): ActionRef | null {
  const text = uses.trim()
  if (text.length > 1000) return null
  if (text.startsWith('docker://')) return text.length > 9 ? { kind: 'docker', image: text.slice(9) } : null
  if (text === '.' || text.startsWith('./')) return { kind: 'local', path: text.slice(2).replace(/\/+$/, '') }
  if (text.startsWith('$/')) {
    const path = folderOf(text.slice(2))
    return path === null ? null : { kind: 'self', path }
  }
  const at = text.indexOf('@')
  if (at < 0) return null
  const ref = text.slice(at + 1)
  const [owner = '', name = '', ...folders] = text.slice(0, at).split('/')
  if (!namePattern.test(owner) || !namePattern.test(name) || !isRefName(ref)) return null
  const path = folderOf(folders.join('/'))
  return path === null ? null : { kind: 'remote', owner, name, path, ref }
}

/** Whether a reference names a commit by its full id, which nobody can move. */
export const isCommitId = (ref: string): boolean => commitPattern.test(ref)

/** A folder inside a repository, without slashes at its ends; null for one that leads out of it. */
function folderOf(path: string): string | null {
  const parts = path.split('/').filter((part) => part !== '')
  return parts.some((part) => part === '.' || part === '..' || part.includes('\\') || hasControl(part))
    ? null
    : parts.join('/')
}

/** Git's own rules for names of branches and tags. */
function isRefName(ref: string): boolean {
  if (ref === '' || ref.length > 250 || /[\s~^:?*[\\]/.test(ref) || hasControl(ref)) return false
  if (/^[-/]|\.\.|@\{|\/\/|\/\.|\/$|\.$|\.lock$/.test(ref)) return false
  return !ref.startsWith('.')
}

const hasControl = (text: string): boolean => [...text].some((each) => each < ' ' || each === '\x7f')
