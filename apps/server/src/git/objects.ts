import type { Commit, CommitLog } from '@juanie/services/repositories'

/** A commit object: headers, an empty line, the message. https://git-scm.com/book/en/v2/Git-Internals-Git-Objects */
export function parseCommit(id: string, body: Buffer): Commit {
  const text = body.toString('utf8')
  const end = text.indexOf('\n\n')
  const headers = (end < 0 ? text : text.slice(0, end)).split('\n')
  const of = (name: string) =>
    headers.flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []))
  const author = parsePerson(of('author')[0] ?? '')
  const committer = parsePerson(of('committer')[0] ?? '')
  return {
    id,
    tree: of('tree')[0] ?? '',
    parents: of('parent'),
    message: clean(end < 0 ? '' : text.slice(end + 2).replace(/\n+$/, '')),
    author: { name: author.name, email: author.email },
    committedAt: new Date(committer.seconds * 1000).toISOString(),
  }
}

function parsePerson(text: string): { name: string; email: string; seconds: number } {
  const [, name = '', email = '', seconds = '0'] = /^(.*?) ?<(.*?)> (-?\d+)/.exec(text) ?? []
  return { name: clean(name), email: clean(email), seconds: boundedSeconds(seconds) }
}

/** The furthest moment that a Date can hold lies below this bound. */
const boundedSeconds = (text: string): number => Math.min(8e12, Math.max(0, Number(text)))

/** PostgreSQL has no NUL in its texts. */
const clean = (text: string): string => text.replaceAll('\0', '\uFFFD')

/** For `git log -z`: four fields of each commit, cut and padded by git, so that no message makes the answer long. */
export const logFormat = '--format=%H%x00%ct%x00%<(200,trunc)%an%x00%<(500,trunc)%s'

export function parseLog(output: Buffer): CommitLog['entries'] {
  const fields = output.toString('utf8').split('\0')
  const entries: CommitLog['entries'] = []
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [id = '', seconds = '0', author = '', title = ''] = fields.slice(at, at + 4)
    const committedAt = new Date(boundedSeconds(seconds) * 1000).toISOString()
    entries.push({ id, title: title.trimEnd(), author: author.trimEnd(), committedAt })
  }
  return entries
}
