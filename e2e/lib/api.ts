import { type Juanie, until } from './juanie.ts'

/** Nobody answered, or an answer says that something is down: to be asked again. */
export class Unreachable extends Error {}

/** The caller did something that is refused. */
export class Refused extends Error {
  readonly reason: string

  constructor(reason: string, message: string) {
    super(`${reason}: ${message}`)
    this.reason = reason
  }
}

/** The API as a script in another language would call it: plain HTTP with a token. */
export class Api {
  readonly #juanie: Juanie
  token = ''

  constructor(juanie: Juanie) {
    this.#juanie = juanie
  }

  ask<T>(procedure: string, input: object): Promise<T> {
    return this.#call(`/api/trpc/${procedure}?input=${encodeURIComponent(JSON.stringify(input))}`, {})
  }

  tell<T>(procedure: string, input: object): Promise<T> {
    return this.#call(`/api/trpc/${procedure}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
    })
  }

  /** Until the server answers, however often it dies meanwhile. What it refuses is refused at once. */
  async insist<T>(what: string, call: () => Promise<T>, limitMs = 60_000): Promise<T> {
    const found = await until(
      what,
      () =>
        call().then(
          (value) => ({ value }),
          (error: unknown) => {
            if (error instanceof Unreachable) return null
            return { error }
          },
        ),
      limitMs,
    )
    if ('error' in found) throw found.error
    return found.value
  }

  async lines(path: string): Promise<{ total: number; lines: [number, number, string][] }> {
    return this.#get(`${path}/lines?after=0&limit=10000`)
  }

  async #call<T>(path: string, init: RequestInit): Promise<T> {
    const { result } = await this.#get<{ result: { data: T } }>(path, init)
    return result.data
  }

  async #get<T>(path: string, init: RequestInit = {}): Promise<T> {
    let response: Response
    let text: string
    try {
      response = await fetch(`${this.#juanie.url}${path}`, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${this.token}` },
        signal: AbortSignal.timeout(20_000),
      })
      text = await response.text()
    } catch (error) {
      throw new Unreachable(`${path}: ${(error as Error).message}`)
    }
    if (response.status >= 500) throw new Unreachable(`${path}: ${response.status} ${text}`)
    const answer = JSON.parse(text)
    if (!response.ok) throw new Refused(answer.error?.data?.reason ?? String(response.status), text)
    return answer as T
  }
}
