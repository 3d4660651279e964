import type { InitialCommit } from '@juanie/services/repositories'

const author = 'Juanie <juanie@localhost>'

/** The first commit as a stream for `git fast-import`: https://git-scm.com/docs/git-fast-import#_input_format */
export function initialImport({ files, message, branch }: InitialCommit, seconds: number): string {
  const parts = [
    `commit refs/heads/${branch}\n`,
    `author ${author} ${seconds} +0000\n`,
    `committer ${author} ${seconds} +0000\n`,
    block(message),
  ]
  for (const [path, text] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    // A script of a template can be started as it lies.
    const mode = text.startsWith('#!') ? '100755' : '100644'
    parts.push(`M ${mode} inline ${quoted(path)}\n`, block(text))
  }
  return `${parts.join('')}\ndone\n`
}

const block = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`

function quoted(path: string): string {
  if (path === '' || path.startsWith('/') || path.split('/').some((part) => ['', '.', '..', '.git'].includes(part))) {
    throw new Error(`${path} is no path inside a repository`)
  }
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
