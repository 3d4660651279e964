import { until, wallMs } from '../lib/clock.ts'
import { Floor } from '../lib/floor.ts'
import { processesWith } from '../lib/processes.ts'
import { alternate, atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

// A child, one that left the session, and the shell itself.
const script = 'sleep 600 & setsid sleep 600 & echo ready; wait'

const workflow = `on: workflow_dispatch
jobs:
  long:
    runs-on: ubuntu-latest
    environment: dev
    steps:
      - run: ${script}
`

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const database = await bench.database()
  // With an environment the job is not repeated, so it is decided once and for all.
  const project = await platform.project('lost', { '.juanie/workflows/long.yml': workflow })
  await project.copy.push(project.url)
  const started = await Floor.start('lost', { databaseUrl: database.url })
  await using floor = started.floor

  const juanie = new Samples()
  const gone = new Samples()
  const bare = new Samples()
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        const { runId } = await project.dispatch('long.yml')
        const job = await until('the step to run', async () => {
          const [found] = (await project.run(runId)).jobs
          return found?.steps[0]?.status === 'running' && found.steps[0].lines > 0 && found
        })
        const mark = `JUANIE_PROCESS=job/${job.id}/`
        const before = processesWith(mark).length
        if (before < 3) throw new Error(`the step has ${before} processes, not 3 or more`)
        const agent = platform.pidOf('agent')
        const killed = wallMs()
        process.kill(agent, 'SIGKILL')
        const [decided, ended] = await Promise.all([
          project.finished(runId, 30_000),
          until('the processes of the step to end', () => processesWith(mark).length === 0 && wallMs(), {
            everyMs: 10,
          }),
        ])
        const run = await project.run(runId)
        if (run.status !== 'failed' || run.jobs[0]!.status !== 'lost')
          throw new Error(`the run is ${run.status} and its job ${run.jobs[0]!.status}, not failed and lost`)
        juanie.values.push(decided - killed)
        gone.values.push(ended - killed)
        await until('the agent to live again', () => {
          try {
            return platform.pidOf('agent') !== agent
          } catch {
            return false
          }
        })
      },
      floor: async () => {
        floor.tell({ type: 'work', script })
        const working = await floor.next<{ worker: number }>('working')
        const killed = wallMs()
        process.kill(working.worker, 'SIGKILL')
        await floor.next('decided')
        bare.values.push(wallMs() - killed)
      },
    },
    () => {
      for (const samples of [juanie, gone, bare]) samples.values.length = 0
    },
  )
  project.end()
  const side = juanie.side()
  return [
    {
      row: 'lost',
      what: 'kill -9 of the agent in a step → decided',
      unit: 'ms',
      juanie: side,
      floor: bare.side(),
      goals: [atMost('max ≤ 5,000 ms', side.max, 5_000)],
      verified: `each run failed, its job lost, no process left`,
    },
    {
      row: 'lost',
      what: 'kill -9 of the agent in a step → no process of it left',
      unit: 'ms',
      juanie: gone.side(),
      floor: bare.side(),
      goals: [atMost('max ≤ 5,000 ms', gone.side().max, 5_000)],
      verified: 'a child, one in a session of its own, and the shell were gone',
    },
  ]
}

export const lost: Row = { name: 'lost', about: 'kill -9 of the agent in a step → decided', measure }
