import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { wallMs } from '../lib/clock.ts'
import { childrenCpuMs } from '../lib/processes.ts'
import { alternate, type Bench, type Result, type Row, ratioGoal, Samples } from '../lib/row.ts'
import { bash } from '../lib/shell.ts'
import { slope } from '../lib/statistics.ts'

const counts = [4, 24]
const script = 'console.log(`hello ${process.env.INPUT_WHO}`)\n'
const files = {
  'action.yml': 'name: Hello\ninputs: { who: { default: world } }\nruns: { using: node20, main: main.js }\n',
  'main.js': script,
}
const fileOf = (count: number) => `actions-${count}.yml`
const workflow = (count: number) => `on: workflow_dispatch
jobs:
  pipeline:
    runs-on: ubuntu-latest
    steps:
${'      - uses: main/hello@main\n'.repeat(count)}`

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const action = await platform.project('hello', files)
  await action.copy.push(action.url)
  const workflows = counts.map((count) => [`.juanie/workflows/${fileOf(count)}`, workflow(count)])
  const project = await platform.project('actions', Object.fromEntries(workflows))
  await project.copy.push(project.url)
  const bare = join(platform.juanie.home, 'bare/main.js')
  mkdirSync(dirname(bare), { recursive: true })
  writeFileSync(bare, script)

  const juanie = new Samples()
  const floor = new Samples()
  const all = counts.reduce((sum, count) => sum + count)
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        const points: [number, number][] = []
        const cpu = platform.cpuMs()
        // What the agent does once, "Set up job", is a step too.
        for (const count of counts) points.push([count, await project.timed(fileOf(count), count + 1)])
        juanie.cpuMs += (platform.cpuMs() - cpu) / all
        juanie.values.push(slope(points))
      },
      floor: async () => {
        const points: [number, number][] = []
        const cpu = childrenCpuMs()
        for (const count of counts) {
          const began = wallMs()
          await bash('scripts.sh', process.execPath, bare, String(count))
          points.push([count, wallMs() - began])
        }
        floor.cpuMs += (childrenCpuMs() - cpu) / all
        floor.values.push(slope(points))
      },
    },
    () => {
      for (const samples of [juanie, floor]) Object.assign(samples, { cpuMs: 0 }).values.length = 0
    },
  )
  action.end()
  project.end()
  const [own, other] = [juanie.side(), floor.side()]
  return [
    {
      row: 'action',
      what: `each further JavaScript action, slope over ${counts.join(', ')}`,
      unit: 'ms',
      juanie: own,
      floor: other,
      goals: [ratioGoal(own, other, 1.3)],
      verified: `every step of ${juanie.values.length * counts.length} runs succeeded`,
    },
  ]
}

export const action: Row = { name: 'action', about: 'a cached JavaScript action beside bare Node.js', measure }
