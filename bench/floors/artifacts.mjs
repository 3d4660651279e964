// The floor of artifacts: a bare server that writes each block into a file as it comes, and gives them back in order. It
// checks, counts and remembers nothing that its one client does not need.
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'

const { folder } = JSON.parse(process.argv[2])
mkdirSync(folder, { recursive: true })
let blocks = []

const text = async (stream) => {
  let all = ''
  for await (const chunk of stream.setEncoding('utf8')) all += chunk
  return all
}
const fileOf = (block) => join(folder, Buffer.from(block).toString('hex'))

const server = createServer(async (request, response) => {
  const url = new URL(request.url, `http://${request.headers.host}`)
  const link = `${url.origin}/a/b/c?sig=1`
  const method = url.pathname.split('/').at(-1)
  if (request.method === 'PUT') {
    const block = url.searchParams.get('blockid')
    if (block) await pipeline(request, createWriteStream(fileOf(block), { highWaterMark: 4 * 1024 * 1024 }))
    else blocks = [...(await text(request)).matchAll(/<Latest>([^<]+)<\/Latest>/g)].map(([, id]) => id)
    return response.writeHead(201, { etag: '"a"', 'last-modified': new Date().toUTCString() }).end()
  }
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/zip' })
    for (const block of blocks) {
      for await (const chunk of createReadStream(fileOf(block), { highWaterMark: 1024 * 1024 })) {
        if (!response.write(chunk)) await once(response, 'drain')
      }
    }
    return response.end()
  }
  await text(request)
  const ids = { workflow_run_backend_id: 'a', workflow_job_run_backend_id: 'b' }
  const answers = {
    CreateArtifact: { ok: true, signed_upload_url: link },
    FinalizeArtifact: { ok: true, artifact_id: '1' },
    ListArtifacts: {
      artifacts: [{ ...ids, database_id: '1', name: 'large', size: '1', created_at: new Date().toISOString() }],
    },
    GetSignedArtifactURL: { signed_url: link },
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answers[method]))
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ type: 'ready', port: server.address().port })))
createInterface({ input: process.stdin }).on('close', () => process.exit(0))
