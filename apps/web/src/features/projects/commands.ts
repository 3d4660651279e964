const quoted = (text: string): string => (/^[\w.:/@%-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** The address with a token in it, so that git asks for nothing; any user name will do. */
function withToken(cloneUrl: string, token: string | null): string {
  if (token === null) return cloneUrl
  const url = new URL(cloneUrl)
  url.username = 'git'
  url.password = token
  return url.href
}

/**
 * What a person types for the first push. From a template the repository holds a first commit already, so that it is
 * cloned; into an empty one the code of the current folder is pushed.
 */
export function firstPush(of: { cloneUrl: string; slug: string; branch: string | null; token: string | null }): string {
  const url = quoted(withToken(of.cloneUrl, of.token))
  if (of.branch !== null) {
    return [`git clone ${url}`, `cd ${quoted(of.slug)}`, 'git commit --allow-empty -m "First push"', 'git push'].join(
      '\n',
    )
  }
  return [
    'git init -b main',
    'git add .',
    'git commit -m "First push"',
    `git remote add origin ${url}`,
    'git push -u origin main',
  ].join('\n')
}
