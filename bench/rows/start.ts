import { readFileSync, statSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { freePort } from '../../e2e/lib/juanie.ts'
import { pause, wallMs } from '../lib/clock.ts'
import { Floor } from '../lib/floor.ts'
import { FloorDatabase } from '../lib/floor-database.ts'
import { Platform } from '../lib/platform.ts'
import { git, WorkingCopy } from '../lib/repository.ts'
import { alternate, atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

const runsBefore = 5
const files = {
  '.juanie/workflows/push.yml': `on: push
jobs:
  first:
    runs-on: ubuntu-latest
    steps:
      - run: echo done
`,
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** Pushes as soon as somebody listens, again until it is taken; the moment at which git said so. */
async function firstPush(port: number, copy: WorkingCopy, url: string): Promise<number> {
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    if (!(await isListening(port))) {
      await pause(1)
      continue
    }
    try {
      return (await copy.push(url)).ended
    } catch {
      // It listens, and does not take pushes yet.
    }
  }
  throw new Error('no push was accepted in 60 s')
}

/** The command line of the last PostgreSQL on this data, which it notes there itself. */
function postgresOf(database: FloorDatabase) {
  const data = join(database.home.database, 'data')
  const [program = '', ...words] = readFileSync(join(data, 'postmaster.opts'), 'utf8').trim().split(' "')
  const { uid, gid } = statSync(data)
  const isRoot = process.getuid?.() === 0
  return {
    program,
    args: words.map((word) => word.replace(/"$/, '')),
    cwd: data,
    uid: isRoot ? uid : null,
    gid: isRoot ? gid : null,
  }
}

async function measure(bench: Bench): Promise<Result[]> {
  // An installation of its own: it is stopped as a whole between the rounds.
  await using platform = await Platform.start()
  const { juanie: up } = platform
  await using database = await FloorDatabase.start()
  const project = await platform.project('start', files)
  for (let i = 0; i < runsBefore; i++) {
    const commit = await project.copy.commit()
    await project.copy.push(project.url)
    await project.runOf(commit)
  }
  project.end()
  const copy = await WorkingCopy.make(join(database.folder, 'copy'), files)
  const repository = join(database.folder, 'start.git')
  await git(database.folder, 'init', '--quiet', '--bare', '--initial-branch=main', repository)
  const postgres = postgresOf(database)
  const databaseUrl = database.url
  await database.postgres.stop()

  const juanie = new Samples()
  const bare = new Samples()
  let number = runsBefore
  await alternate(
    bench.rounds * 2,
    {
      juanie: async () => {
        await up.juanie(['down'])
        await up.stopServer()
        await project.copy.commit()
        const began = wallMs()
        const ready = up.up()
        juanie.values.push((await firstPush(up.port, project.copy, project.url)) - began)
        await ready
        number++
      },
      floor: async () => {
        await copy.commit()
        const port = await freePort()
        const began = wallMs()
        const starting = Floor.start('start', { postgres, databaseUrl, repository, port })
        bare.values.push((await firstPush(port, copy, `http://127.0.0.1:${port}/start.git`)) - began)
        const { floor } = await starting
        await floor[Symbol.asyncDispose]()
      },
    },
    () => {
      for (const samples of [juanie, bare]) samples.values.length = 0
    },
  )
  const { rows } = await platform.api.query<{ rows: { number: number }[] }>('runs.list', {
    projectId: project.id,
    limit: 100,
  })
  if (rows.length < number) throw new Error(`${rows.length} runs for ${number} pushes`)
  const side = juanie.side()
  return [
    {
      row: 'start',
      what: 'start → first accepted push, with data',
      unit: 'ms',
      juanie: side,
      floor: bare.side(),
      goals: [atMost('p50 ≤ 400 ms', side.p50, 400)],
      verified: `${rows.length} runs for ${number} pushes`,
    },
  ]
}

export const start: Row = { name: 'start', about: 'start of everything → first accepted push', measure }
