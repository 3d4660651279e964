import { join } from 'node:path'
import { Floor } from '../lib/floor.ts'
import { childrenOf, cpuMsOf } from '../lib/processes.ts'
import { git, WorkingCopy } from '../lib/repository.ts'
import { alternate, type Bench, type Result, type Row, ratioGoal, Samples } from '../lib/row.ts'

const workflow = '.juanie/workflows/push.yml'
const files = {
  [workflow]: `on: push
jobs:
  first:
    runs-on: ubuntu-latest
    steps:
      - run: echo "first $EPOCHREALTIME"
`,
}

const pushesARound = 3
const warmRounds = 5

/** The step's own clock in what it printed, in milliseconds. */
function clockIn(line: string | undefined): number {
  const found = /^first (\d+)\.(\d{6})$/.exec(line ?? '')
  if (!found) throw new Error(`the step printed ${JSON.stringify(line)}`)
  return Number(found[1]) * 1000 + Number(found[2]) / 1000
}

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const database = await bench.database()
  const project = await platform.project('push', files)
  const copy = await WorkingCopy.make(join(database.folder, 'copy'), files)
  const repository = join(database.folder, 'push.git')
  await git(database.folder, 'init', '--quiet', '--bare', '--initial-branch=main', repository)
  // As durable as Juanie's own repositories.
  await git(repository, 'config', 'core.fsync', 'committed,loose-object,reference')
  await git(repository, 'config', 'core.fsyncMethod', 'batch')
  await git(repository, 'config', 'receive.autogc', 'false')
  const started = await Floor.start<{ port: number }>('push', { repository, databaseUrl: database.url, workflow })
  await using floor = started.floor
  const floorUrl = `http://127.0.0.1:${started.ready.port}/push.git`
  const floorPids = () => [floor.pid, database.postgres.pid(), ...childrenOf(database.postgres.pid())]

  const juanie = { first: new Samples(), push: new Samples() }
  const bare = { first: new Samples(), push: new Samples() }
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        for (let i = 0; i < pushesARound; i++) {
          const commit = await project.copy.commit()
          const cpu = platform.cpuMs()
          const { began, ended } = await project.copy.push(project.url)
          const run = await project.runOf(commit)
          const lines = await project.lines(run)
          if (lines.length !== 1) throw new Error(`the step has ${lines.length} lines, not 1`)
          juanie.first.values.push(clockIn(lines[0]) - began)
          juanie.push.values.push(ended - began)
          juanie.first.cpuMs += platform.cpuMs() - cpu
        }
      },
      floor: async () => {
        for (let i = 0; i < pushesARound; i++) {
          const commit = await copy.commit()
          const cpu = cpuMsOf(floorPids())
          const { began, ended } = await copy.push(floorUrl)
          const ran = await floor.next<{ commit: string; line: string; code: number }>('ran')
          if (ran.commit !== commit || ran.code !== 0) throw new Error('the floor ran another commit')
          bare.first.values.push(clockIn(ran.line) - began)
          bare.push.values.push(ended - began)
          bare.first.cpuMs += cpuMsOf(floorPids()) - cpu
        }
      },
    },
    () => {
      for (const samples of [juanie.first, juanie.push, bare.first, bare.push]) {
        samples.values.length = 0
        samples.cpuMs = 0
      }
    },
    warmRounds,
  )
  project.end()
  return [
    {
      row: 'push',
      what: 'git push → first line of the first step',
      unit: 'ms',
      juanie: juanie.first.side(),
      floor: bare.first.side(),
      goals: [ratioGoal(juanie.first.side(), bare.first.side(), 2)],
      verified: `${juanie.first.values.length} runs succeeded, each of its own commit, one line each`,
    },
    {
      row: 'push',
      what: 'git push until git has ended',
      unit: 'ms',
      juanie: juanie.push.side(),
      floor: bare.push.side(),
      goals: [],
      verified: 'exit code 0',
    },
  ]
}

export const push: Row = { name: 'push', about: 'git push → first line of the first run step', measure }
