/** A browser as far as the pages need one: keeps cookies, follows redirects, and says where its forms come from. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #base: string

  constructor(base: string) {
    this.#base = base
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.#send('GET', path, { headers })
  }

  submit(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
    const body = new URLSearchParams(fields).toString()
    return this.#send('POST', path, {
      headers: { origin: this.#base, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    })
  }

  /** A call of the API from a page of ours. */
  async call(procedure: string, input: unknown, headers: Record<string, string> = {}): Promise<Page> {
    return this.#send('POST', `/api/trpc/${procedure}`, {
      headers: { origin: this.#base, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(input),
    })
  }

  async #send(
    method: string,
    path: string,
    request: { headers: Record<string, string>; body?: string },
  ): Promise<Page> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(`${this.#base}${path}`, {
      method,
      redirect: 'manual',
      body: request.body,
      headers: { ...(cookie && { cookie }), ...request.headers },
    })
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const [name = '', value = ''] = pair.split('=')
      if (value === '' || /max-age=0|expires=thu, 01 jan 1970/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    if (answer.status === 303) return this.#send('GET', answer.headers.get('location')!, { headers: {} })
    return { status: answer.status, text: await answer.text(), headers: answer.headers }
  }
}

export interface Page {
  status: number
  text: string
  headers: Headers
}
