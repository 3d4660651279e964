import pg from 'pg'

/** So many statements a connection keeps parsed; each costs PostgreSQL some ten kilobytes. */
const mostNamed = 200
/** So many texts are watched for a second use. */
const mostWatched = 2_000

const names = new Map<string, string | null>()
let given = 0

/**
 * The name under which every connection keeps this statement parsed, from its second use on; undefined for one that
 * is not kept. Statements are built anew for each call and differ in their values alone, so the text is the key.
 */
function nameOf(text: string): string | undefined {
  const known = names.get(text)
  if (known) return known
  if (known === undefined) {
    if (names.size < mostWatched) names.set(text, null)
    return undefined
  }
  if (given >= mostNamed) return undefined
  const name = `s${++given}`
  names.set(text, name)
  return name
}

type Query = { text?: string; name?: string; values?: unknown[] }

/**
 * A connection that has PostgreSQL parse and plan a statement with values once and not at every use: on short
 * statements that costs more than running them.
 */
export class PreparedClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: the driver declares seven overloads, of which all pass through here.
  override query(...args: any[]): any {
    const [query, values] = args as [string | Query, unknown]
    const text = typeof query === 'string' ? query : query?.text
    const parameters = Array.isArray(values) ? values : typeof query === 'object' ? query?.values : undefined
    if (typeof text === 'string' && Array.isArray(parameters) && parameters.length > 0 && !(query as Query).name) {
      const name = nameOf(text)
      if (name !== undefined) args[0] = typeof query === 'string' ? { text, name } : { ...query, name }
    }
    return super.query(...(args as Parameters<pg.Client['query']>))
  }
}
