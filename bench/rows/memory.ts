import { pause } from '../lib/clock.ts'
import { Floor } from '../lib/floor.ts'
import { Platform } from '../lib/platform.ts'
import { pssMb } from '../lib/processes.ts'
import { atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

const programs = ['server', 'agent', 'edge'] as const
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

async function measure(bench: Bench): Promise<Result[]> {
  // Of its own, so that it is what a quiet installation uses, whatever other rows were measured.
  await using platform = await Platform.start()
  const project = await platform.project('memory', files)
  for (let i = 0; i < runsBefore; i++) {
    const commit = await project.copy.commit()
    await project.copy.push(project.url)
    await project.runOf(commit)
  }
  project.end()
  const { floor } = await Floor.start('idle', {})
  await using bare = floor
  bench.say(`  resting for ${bench.restMs / 1000} s`)
  await pause(bench.restMs)

  const sums = new Samples()
  const floors = new Samples()
  const single = new Map<string, Samples>()
  const note = (name: string, value: number) => {
    const samples = single.get(name) ?? new Samples()
    samples.values.push(value)
    single.set(name, samples)
  }
  for (let round = 0; round < bench.rounds; round++) {
    const each = programs.map((name) => [name, pssMb(platform.pidOf(name))] as const)
    for (const [name, mb] of each) note(name, mb)
    const known = new Set(programs.map((name) => platform.pidOf(name)))
    const database = platform
      .processes()
      .filter(
        ({ pid, command }) => (!known.has(pid) && command.startsWith('postgres')) || command.includes('/postgres '),
      )
    note(
      'PostgreSQL',
      database.reduce((sum, { pid }) => sum + pssMb(pid), 0),
    )
    sums.values.push(each.reduce((sum, [, mb]) => sum + mb, 0))
    floors.values.push(pssMb(bare.pid))
    await pause(1_000)
  }
  const side = sums.side()
  return [
    {
      row: 'memory',
      what: 'idle memory of server + agent + edge',
      unit: 'MB',
      juanie: side,
      floor: floors.side(),
      goals: [atMost('p50 ≤ 120 MB', side.p50, 120)],
      verified: `PSS after ${bench.restMs / 1000} s of rest; the floor is one bare Node`,
    },
    ...[...single].map(([name, samples]) => ({
      row: 'memory',
      what: `  ${name}`,
      unit: 'MB',
      juanie: samples.side(),
      floor: null,
      goals: [],
      verified: '',
    })),
  ]
}

export const memory: Row = { name: 'memory', about: 'idle memory in PSS, each process', measure }
