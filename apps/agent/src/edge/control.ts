import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { ProtocolError } from './protocol.ts'

/** A refusal with a status; anything else that is thrown is a bug of the edge. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly code: string | undefined

  constructor(status: number, message: string, code?: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** By method and path; what it returns is the answer. */
export type Calls = Record<string, (body: unknown) => unknown>

const bodyLimitBytes = 64 * 1024 * 1024

/** The server of `protocol.ts`. `/watch` is answered with a head alone: its end is the news. */
export function controlServer(calls: Calls): http.Server {
  const server = http.createServer({ keepAliveTimeout: 5_000, requestTimeout: 30_000 }, (request, response) => {
    if (request.url === '/watch') {
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.flushHeaders()
      request.socket.setTimeout(0)
      return
    }
    void serve(calls, request, response)
  })
  return server
}

async function serve(calls: Calls, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let status = 200
  let answer: unknown
  try {
    const call = calls[`${request.method} ${request.url}`]
    if (!call) throw new Refusal(404, `The edge knows no ${request.method} ${request.url}.`)
    answer = await call(request.method === 'GET' ? undefined : await readBody(request))
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    status = error instanceof Refusal ? error.status : error instanceof ProtocolError ? 400 : 500
    answer = { error: message, code }
    if (status === 500) console.error(`${new Date().toISOString()} ${(error as Error).stack}`)
  }
  const body = Buffer.from(JSON.stringify(answer))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bodyLimitBytes) throw new Refusal(413, `The message is larger than ${bodyLimitBytes} bytes.`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new ProtocolError('The message is no JSON.')
  }
}
