// The floor of a start: PostgreSQL on data that is there, and one bare process that takes a push once the database
// answers, with one durable row for it. Told: `{ postgres: { program, args, cwd, uid, gid }, databaseUrl, repository, port }`.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import pg from 'pg'
import { hear, say, told } from './line.mjs'

const { postgres, databaseUrl, repository } = told
const environment = { PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }
const child = spawn(postgres.program, postgres.args, {
  cwd: postgres.cwd,
  env: { PATH: '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' },
  stdio: 'ignore',
  ...(postgres.uid !== null && { uid: postgres.uid, gid: postgres.gid }),
})
const ended = new Promise((resolve) => child.once('exit', resolve))

let database
for (const end = performance.now() + 30_000; performance.now() < end; ) {
  database = new pg.Client({ connectionString: databaseUrl })
  database.on('error', () => {})
  try {
    await database.connect()
    break
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
await database.query(
  'create table if not exists pushes (id bigserial primary key, at timestamptz not null default now())',
)

const server = createServer((request, response) => {
  const isAdvertisement = request.method === 'GET'
  response.setHeader(
    'content-type',
    isAdvertisement ? 'application/x-git-receive-pack-advertisement' : 'application/x-git-receive-pack-result',
  )
  const args = ['receive-pack', '--stateless-rpc', ...(isAdvertisement ? ['--advertise-refs'] : []), repository]
  const git = spawn('git', args, { env: environment, stdio: ['pipe', 'pipe', 'inherit'] })
  if (isAdvertisement) response.write('001f# service=git-receive-pack\n0000')
  request.pipe(git.stdin)
  git.stdout.on('data', (chunk) => response.write(chunk))
  git.stdout.on('end', async () => {
    if (!isAdvertisement) await database.query('insert into pushes default values')
    response.end()
  })
})
server.listen(told.port, '127.0.0.1', () => say({ type: 'ready' }))

hear(
  () => {},
  async () => {
    await database.end()
    child.kill('SIGINT')
    await ended
  },
)
