// The floor of a live log: a shell prints, one process stores each line in one durable row as it comes, then sends it
// to a viewer as server-sent events. Told: `{ databaseUrl }`; `{ type: 'print', count }` runs a shell that prints.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { hear, say, told } from './line.mjs'

const database = new pg.Client({ connectionString: told.databaseUrl })
await database.connect()
await database.query('create table if not exists lines (first bigint primary key, texts text not null)')
await database.query('truncate lines')

let viewer = null
let last = 0
let waiting = []
let isStoring = false

async function store() {
  if (isStoring || waiting.length === 0) return
  isStoring = true
  const batch = waiting
  waiting = []
  const first = last + 1
  last += batch.length
  await database.query({
    name: 'store',
    text: 'insert into lines (first, texts) values ($1, $2)',
    values: [first, batch.join('\n')],
  })
  viewer?.write(`id: ${last}\n${batch.map((line) => `data: ${JSON.stringify(line)}\n`).join('')}\n`)
  isStoring = false
  if (waiting.length > 0) await store()
}

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.flushHeaders()
  viewer = response
})
server.listen(0, '127.0.0.1', () => say({ type: 'ready', port: server.address().port }))

hear(
  ({ script }) => {
    const shell = spawn('bash', ['-e', '-c', script], {
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    createInterface({ input: shell.stdout }).on('line', (line) => {
      waiting.push(line)
      setImmediate(store)
    })
    shell.on('close', (code) => say({ type: 'printed', code }))
  },
  () => database.end(),
)
