import { wallMs } from '../lib/clock.ts'
import { childrenCpuMs } from '../lib/processes.ts'
import { alternate, atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'
import { bash } from '../lib/shell.ts'
import { percentile, slope } from '../lib/statistics.ts'

const counts = [10, 50, 200]

const workflow = (steps: number) => `on: workflow_dispatch
jobs:
  pipeline:
    runs-on: ubuntu-latest
    steps:
${"      - run: ':'\n".repeat(steps)}`

const fileOf = (steps: number) => `steps-${steps}.yml`

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const project = await platform.project(
    'steps',
    Object.fromEntries(counts.map((count) => [`.juanie/workflows/${fileOf(count)}`, workflow(count)])),
  )
  await project.copy.push(project.url)

  const juanie = new Samples()
  const floor = new Samples()
  const whole = { juanie: [] as number[], floor: [] as number[] }
  const allSteps = counts.reduce((sum, count) => sum + count)
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        const points: [number, number][] = []
        const cpu = platform.cpuMs()
        for (const count of counts) points.push([count, await project.timed(fileOf(count), count)])
        juanie.cpuMs += (platform.cpuMs() - cpu) / allSteps
        juanie.values.push(slope(points))
        whole.juanie.push(points.at(-1)![1])
      },
      floor: async () => {
        const points: [number, number][] = []
        const cpu = childrenCpuMs()
        for (const count of counts) {
          const began = wallMs()
          await bash('steps.sh', String(count))
          points.push([count, wallMs() - began])
        }
        floor.cpuMs += (childrenCpuMs() - cpu) / allSteps
        floor.values.push(slope(points))
        whole.floor.push(points.at(-1)![1])
      },
    },
    () => {
      for (const samples of [juanie, floor]) Object.assign(samples, { cpuMs: 0 }).values.length = 0
      for (const values of Object.values(whole)) values.length = 0
    },
  )
  project.end()
  const side = juanie.side()
  return [
    {
      row: 'steps',
      what: `each further step, slope over ${counts.join(', ')} steps`,
      unit: 'ms',
      juanie: side,
      floor: floor.side(),
      goals: [atMost('p50 ≤ 3.5 ms', side.p50, 3.5)],
      verified: `every step of ${juanie.values.length * counts.length} runs succeeded; 200 steps took ${percentile(whole.juanie, 0.5).toFixed(0)} ms, in bash ${percentile(whole.floor, 0.5).toFixed(0)} ms`,
    },
  ]
}

export const steps: Row = { name: 'steps', about: 'each further step, to 200', measure }
