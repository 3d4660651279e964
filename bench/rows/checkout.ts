import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { wallMs } from '../lib/clock.ts'
import { childrenCpuMs } from '../lib/processes.ts'
import { git, WorkingCopy } from '../lib/repository.ts'
import { alternate, type Bench, type Result, type Row, ratioGoal, Samples } from '../lib/row.ts'
import { bash } from '../lib/shell.ts'

const workflow = `on: workflow_dispatch
jobs:
  pipeline:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: ':'
      - run: ':'
      - run: ':'
      - run: ':'
`
const runsARound = 3
const warmRounds = 5

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const database = await bench.database()
  const project = await platform.project('checkout', { '.juanie/workflows/pipeline.yml': workflow })
  await project.copy.push(project.url)
  const copy = await WorkingCopy.make(join(database.folder, 'checkout'), {})
  const repository = join(database.folder, 'checkout.git')
  await git(database.folder, 'init', '--quiet', '--bare', '--initial-branch=main', repository)
  const commit = await copy.commit()
  await copy.push(repository)

  const juanie = new Samples()
  const floor = new Samples()
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        for (let i = 0; i < runsARound; i++) {
          const cpu = platform.cpuMs()
          juanie.values.push(await project.timed('pipeline.yml', 5))
          juanie.cpuMs += platform.cpuMs() - cpu
        }
      },
      floor: async () => {
        for (let i = 0; i < runsARound; i++) {
          const folder = join(database.folder, 'workspace')
          const cpu = childrenCpuMs()
          const began = wallMs()
          await bash('checkout.sh', repository, commit, folder, '4')
          floor.values.push(wallMs() - began)
          floor.cpuMs += childrenCpuMs() - cpu
          if (
            (await git(folder, 'status', '--porcelain')) !== '' ||
            (await git(folder, 'rev-parse', 'HEAD')) !== commit
          )
            throw new Error('the checkout of the floor is not the commit')
          rmSync(folder, { recursive: true })
        }
      },
    },
    () => {
      for (const samples of [juanie, floor]) Object.assign(samples, { cpuMs: 0 }).values.length = 0
    },
    warmRounds,
  )
  project.end()
  return [
    {
      row: 'checkout',
      what: 'checkout + 4 no-op steps, asked → told that the run is over',
      unit: 'ms',
      juanie: juanie.side(),
      floor: floor.side(),
      goals: [ratioGoal(juanie.side(), floor.side(), 2.2)],
      verified: `${juanie.values.length} runs, 5 of 5 steps succeeded in each`,
    },
  ]
}

export const checkout: Row = { name: 'checkout', about: 'checkout + 4 no-op steps', measure }
