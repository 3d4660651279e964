import { loadClientConfig } from '@juanie/core/client-config'
import { createTRPCClient, httpLink } from '@trpc/client'
import type { AppRouter } from '../../server/src/router.ts'
import { CommandError, exitCodes } from './exit.ts'
import { readLogin } from './login-file.ts'

const answerLimitMs = 60_000

export const config = loadClientConfig(process.env)

/** Where one signs in when nothing is said. */
export const usualUrl = config.url ?? config.usualUrl

const howToSignIn = (url: string, email: string) => `Run: juanie login --url ${url} --email ${email}`

export interface Server {
  url: string
  token: string
}

/** The server this person is signed in to. */
export function server(): Server {
  const login = readLogin(config.folder)
  if (config.token !== null && !isSendable(config.token)) throw new CommandError(signInAgain(), exitCodes.notSignedIn)
  if (config.token) return { url: trimmed(config.url ?? login?.url ?? usualUrl), token: config.token }
  if (!login) {
    throw new CommandError(`You are not signed in. ${howToSignIn(usualUrl, 'you@example.com')}`, exitCodes.notSignedIn)
  }
  return { url: trimmed(login.url), token: login.token }
}

/** Whether it can stand in a header at all. */
const isSendable = (token: string) => /^[\x21-\x7e]+$/.test(token)

/** What to do when the token is not known; the variable wins over the login, so signing in would not help there. */
export function signInAgain(): string {
  if (config.token) return 'JUANIE_TOKEN is wrong, expired or revoked. Give another token, or unset it and sign in.'
  const login = readLogin(config.folder)
  return `You are signed in no longer. ${howToSignIn(login?.url ?? usualUrl, login?.email ?? 'you@example.com')}`
}

export const trimmed = (url: string) => url.replace(/\/+$/, '')

export type Api = ReturnType<typeof connect>

/** The typed API of a server; every call ends within a minute and says so when nobody answers. */
export function connect({ url, token }: { url: string; token: string | null }) {
  return createTRPCClient<AppRouter>({
    links: [
      httpLink({
        url: `${url}/api/trpc`,
        headers: token === null ? {} : { authorization: `Bearer ${token}` },
        fetch: async (input, init) => spokenByJuanie(url, await call(url, String(input), init as RequestInit)),
      }),
    ],
  })
}

/** The answer, unless something else gave it: an application, a proxy whose server is away. */
function spokenByJuanie(url: string, response: Response): Response {
  if (/^application\/json\b/.test(response.headers.get('content-type') ?? '')) return response
  throw new CommandError(`What answers at ${url} is not Juanie: it said ${response.status} and no JSON.`)
}

export const api = (): Api => connect(server())

/** `fetch` with a time limit and a sentence instead of "fetch failed". */
export async function call(url: string, input: string, init: RequestInit = {}): Promise<Response> {
  const limit = AbortSignal.timeout(answerLimitMs)
  const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit
  try {
    return await fetch(input, { ...init, signal })
  } catch (error) {
    if (init.signal?.aborted) throw error
    const cause = (error as { cause?: { code?: string } }).cause?.code
    const why = limit.aborted
      ? `did not answer within ${answerLimitMs / 1000} s`
      : `does not answer${cause ? ` (${cause})` : ''}`
    throw new CommandError(`Juanie at ${url} ${why}. Is it running? Start it with: juanie up`)
  }
}

/** The sentence of a refused plain HTTP call. */
export async function refusalOf(response: Response): Promise<string> {
  try {
    const { error } = (await response.json()) as { error?: { message?: string } }
    if (error?.message) return error.message
  } catch {
    // Not JSON: a proxy in between, for example.
  }
  return `The server refused with status ${response.status}.`
}
