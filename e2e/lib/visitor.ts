import http from 'node:http'

export interface Answer {
  status: number
  body: string
  headers: http.IncomingHttpHeaders
}

/** A plain request to the edge. Node does not resolve `*.localhost`, so the address is given and Host says the rest. */
export function visit(
  port: number,
  hostname: string,
  options: {
    path?: string
    method?: string
    agent?: http.Agent
    body?: Buffer | string
    headers?: Record<string, string>
    limitMs?: number
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        path: options.path ?? '/',
        method: options.method ?? 'GET',
        agent: options.agent,
        headers: { host: `${hostname}:${port}`, ...options.headers },
        timeout: options.limitMs ?? 30_000,
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text) => {
          body += text
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }))
        response.on('error', reject)
      },
    )
    request.on('timeout', () => request.destroy(new Error('timed out')))
    request.on('error', reject)
    request.end(options.body)
  })
}

/**
 * An HTTP client that knows nothing of Juanie: it asks for one page over and over on several keep-alive connections
 * and remembers what was answered.
 */
export class Visitor {
  requests = 0
  /** Answers that were no 200, and requests that got none. */
  readonly failures: string[] = []
  /** How often each body was answered. */
  readonly bodies = new Map<string, number>()
  #isStopped = false
  #isExcused = false
  readonly #loops: Promise<void>[]
  readonly #agent: http.Agent

  constructor(port: number, hostname: string, options: { connections?: number; path?: string; pauseMs?: number } = {}) {
    const connections = options.connections ?? 4
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections })
    this.#loops = Array.from({ length: connections }, async () => {
      while (!this.#isStopped) {
        try {
          const { status, body } = await visit(port, hostname, { agent: this.#agent, path: options.path ?? '/' })
          this.requests++
          if (status === 200) this.bodies.set(body, (this.bodies.get(body) ?? 0) + 1)
          else this.#failed(`${new Date().toISOString()} ${status} ${body.slice(0, 200)}`)
        } catch (error) {
          this.requests++
          this.#failed(`${new Date().toISOString()} ${(error as Error).message}`)
        }
        if (options.pauseMs) await new Promise((resolve) => setTimeout(resolve, options.pauseMs))
      }
    })
  }

  /** What fails from now on is meant to, until it is told otherwise. */
  excuse(isExcused = true): void {
    this.#isExcused = isExcused
  }

  #failed(what: string): void {
    if (!this.#isExcused) this.failures.push(what)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
    this.#agent.destroy()
  }
}
