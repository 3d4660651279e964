// The floor of a lost machine: the parent of a worker hears of its end from the kernel, ends every process of the step
// that the worker had begun, also one that left the session, and writes the verdict durably. Told: `{ databaseUrl }`;
// `{ type: 'work', script }` starts a worker with a step.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { hear, say, told } from './line.mjs'

const database = new pg.Client({ connectionString: told.databaseUrl })
await database.connect()
await database.query('create table if not exists verdicts (id bigserial primary key, worker int not null)')

const program = `
require('node:child_process').spawn('bash', ['-c', process.argv[1]], { detached: true, stdio: ['ignore', 'inherit', 'ignore'] })
setInterval(() => {}, 1000)
`
let count = 0

function marked(mark) {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)
    } catch {
      return false
    }
  })
}

hear(
  ({ script }) => {
    const mark = `FLOOR_STEP=${process.pid}/${++count};`
    const worker = spawn(process.execPath, ['-e', program, script], {
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', FLOOR_STEP: mark.slice('FLOOR_STEP='.length) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    worker.stdout.once('data', () => say({ type: 'working', worker: worker.pid }))
    worker.once('exit', async () => {
      for (let left = marked(mark); left.length > 0; left = marked(mark)) {
        for (const pid of left) {
          try {
            process.kill(Number(pid), 'SIGKILL')
          } catch {
            // It ended meanwhile.
          }
        }
      }
      await database.query('insert into verdicts (worker) values ($1)', [worker.pid])
      say({ type: 'decided' })
    })
  },
  () => database.end(),
)
say({ type: 'ready' })
