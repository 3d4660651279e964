import http from 'node:http'

/** Called with each event of a stream; its `id:` line and its `data:` lines. */
export type OnEvent = (event: { name: string; id: string; data: string[] }) => void

/** The API as a program uses it: one token, kept connections, nothing between. */
export class Api implements Disposable {
  readonly #port: number
  readonly #token: string
  readonly #agent = new http.Agent({ keepAlive: true })

  constructor(port: number, token: string) {
    this.#port = port
    this.#token = token
  }

  async query<T>(procedure: string, input: object): Promise<T> {
    return this.#call('GET', `/api/trpc/${procedure}?input=${encodeURIComponent(JSON.stringify(input))}`, null)
  }

  async mutate<T>(procedure: string, input: object): Promise<T> {
    return this.#call('POST', `/api/trpc/${procedure}`, JSON.stringify(input))
  }

  #call<T>(method: string, path: string, body: string | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1',
          port: this.#port,
          method,
          path,
          agent: this.#agent,
          timeout: 60_000,
          headers: {
            authorization: `Bearer ${this.#token}`,
            ...(body !== null && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk
          })
          response.on('error', reject)
          response.on('end', () => {
            if (response.statusCode !== 200)
              return reject(new Error(`${method} ${path.slice(0, 60)} answered ${response.statusCode}: ${text}`))
            resolve((JSON.parse(text) as { result: { data: T } }).result.data)
          })
        },
      )
      request.on('timeout', () => request.destroy(new Error('timed out')))
      request.on('error', reject)
      request.end(body ?? undefined)
    })
  }

  /** A stream of server-sent events; resolves when it has begun, the result ends it. */
  stream(path: string, onEvent: OnEvent): Promise<() => void> {
    return openStream(this.#port, path, { authorization: `Bearer ${this.#token}` }, onEvent)
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

export function openStream(
  port: number,
  path: string,
  headers: Record<string, string>,
  onEvent: OnEvent,
): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`${path} answered ${response.statusCode}`))
        request.destroy()
        return
      }
      let rest = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) onEvent(parse(block))
      })
      response.on('error', () => {})
      resolve(() => request.destroy())
    })
    request.on('error', reject)
    request.end()
  })
}

function parse(block: string): { name: string; id: string; data: string[] } {
  const event = { name: 'message', id: '', data: [] as string[] }
  for (const line of block.split('\n')) {
    if (line.startsWith('data: ')) event.data.push(line.slice(6))
    else if (line.startsWith('event: ')) event.name = line.slice(7)
    else if (line.startsWith('id: ')) event.id = line.slice(4)
  }
  return event
}
