// The floor of a push: smart HTTP through `git receive-pack`, then the workflow file, one durable row, the shell.
// Told: `{ repository, databaseUrl, workflow }`. It acts at the earliest moment at which a push is known: when
// receive-pack reports that the ref has moved. Objects are read from a git that is kept.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import pg from 'pg'
import { hear, say, told } from './line.mjs'

const { repository, databaseUrl, workflow } = told
const environment = { PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }
const database = new pg.Client({ connectionString: databaseUrl })
await database.connect()
await database.query(
  'create table if not exists runs (id bigserial primary key, commit text not null, text text not null)',
)

const reader = spawn('git', ['-C', repository, 'cat-file', '--batch'], {
  env: environment,
  stdio: ['pipe', 'pipe', 'inherit'],
})
let answered = null
let read = Buffer.alloc(0)
reader.stdout.on('data', (chunk) => {
  read = Buffer.concat([read, chunk])
  const head = read.indexOf(10)
  if (head < 0) return
  const size = Number(read.toString('latin1', 0, head).split(' ')[2])
  if (!(read.length >= head + 1 + size + 1)) return
  const text = read.toString('utf8', head + 1, head + 1 + size)
  read = Buffer.alloc(0)
  answered(text)
})
const fileAt = (commit) =>
  new Promise((resolve) => {
    answered = resolve
    reader.stdin.write(`${commit}:${workflow}\n`)
  })

async function act(commit) {
  const text = await fileAt(commit)
  const script = /^\s*- run: (.*)$/m.exec(text)[1]
  await database.query({
    name: 'insert',
    text: 'insert into runs (commit, text) values ($1, $2)',
    values: [commit, text],
  })
  const shell = spawn('bash', ['-e', '-c', script], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  let line = ''
  shell.stdout.on('data', (chunk) => {
    line += chunk
  })
  shell.on('close', (code) => say({ type: 'ran', commit, code, line: line.trim() }))
}

const server = createServer((request, response) => {
  response.setHeader('cache-control', 'no-cache')
  if (request.method === 'GET') {
    response.setHeader('content-type', 'application/x-git-receive-pack-advertisement')
    response.write('001f# service=git-receive-pack\n0000')
    const git = spawn('git', ['receive-pack', '--stateless-rpc', '--advertise-refs', repository], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    git.stdout.pipe(response)
    return
  }
  response.setHeader('content-type', 'application/x-git-receive-pack-result')
  const git = spawn('git', ['receive-pack', '--stateless-rpc', repository], {
    env: environment,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let commit = null
  let isActing = false
  request.on('data', (chunk) => {
    // The first line of the request: length, old id, new id, ref.
    commit ??= chunk.toString('latin1', 45, 85)
    git.stdin.write(chunk)
  })
  request.on('end', () => git.stdin.end())
  git.stdout.on('data', (chunk) => {
    if (!isActing && chunk.includes('ok refs/heads/main')) {
      isActing = true
      act(commit)
    }
    response.write(chunk)
  })
  git.stdout.on('end', () => response.end())
})
server.listen(0, '127.0.0.1', () => say({ type: 'ready', port: server.address().port }))

hear(
  () => {},
  async () => {
    reader.kill()
    await database.end()
  },
)
