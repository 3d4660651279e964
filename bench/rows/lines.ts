import { openStream } from '../lib/api.ts'
import { until, wallMs } from '../lib/clock.ts'
import { Floor } from '../lib/floor.ts'
import { childrenOf, cpuMsOf } from '../lib/processes.ts'
import { alternate, atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

const perRound = 100
const everySeconds = 0.1
const script = `for ((i = 1; i <= ${perRound}; i++)); do echo "$i $EPOCHREALTIME"; sleep ${everySeconds}; done`

const workflow = `on: workflow_dispatch
jobs:
  print:
    runs-on: ubuntu-latest
    steps:
      - run: ${script}
`

/** Takes lines as they are seen, and keeps how late each was by the step's own clock. */
class Seen {
  readonly #late: number[] = []
  #faults = 0

  take(text: string): void {
    const now = wallMs()
    const found = /^(\d+) (\d+)\.(\d{6})$/.exec(text)
    if (Number(found?.[1]) !== this.#late.length + 1) this.#faults++
    this.#late.push(now - (Number(found?.[2]) * 1000 + Number(found?.[3]) / 1000))
  }

  get count(): number {
    return this.#late.length
  }

  /** Throws unless each line was seen once and in order. */
  values(): number[] {
    if (this.#late.length !== perRound || this.#faults > 0)
      throw new Error(`${this.#late.length} of ${perRound} lines were seen, ${this.#faults} not in their order`)
    return this.#late
  }
}

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const database = await bench.database()
  const project = await platform.project('lines', { '.juanie/workflows/lines.yml': workflow })
  await project.copy.push(project.url)
  const started = await Floor.start<{ port: number }>('lines', { databaseUrl: database.url })
  await using floor = started.floor

  const juanie = new Samples()
  const bare = new Samples()
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        const seen = new Seen()
        const cpu = platform.cpuMs()
        const { runId } = await project.dispatch('lines.yml')
        const run = await until('the jobs of a run', async () => {
          const found = await project.run(runId)
          return found.jobs[0]?.steps[0] && found
        })
        let isOver = false
        const stop = await project.api.stream(project.logPath(run), ({ name, data }) => {
          if (name === 'end') isOver = true
          else if (name === 'lines') for (const line of data) seen.take((JSON.parse(line) as [number, string])[1])
        })
        await until('the end of the log', () => isOver, { limitMs: 60_000 })
        stop()
        await project.finished(runId)
        await project.succeeded(runId)
        // The first line may have been printed before the viewer came.
        juanie.values.push(...seen.values().slice(1))
        juanie.cpuMs += platform.cpuMs() - cpu
      },
      floor: async () => {
        const pids = () => [floor.pid, database.postgres.pid(), ...childrenOf(database.postgres.pid())]
        const seen = new Seen()
        const cpu = cpuMsOf(pids())
        const stop = await openStream(started.ready.port, '/', {}, ({ data }) => {
          for (const line of data) seen.take(JSON.parse(line) as string)
        })
        floor.tell({ type: 'print', script })
        await floor.next('printed')
        await until('the last line', () => seen.count >= perRound, { limitMs: 5_000 })
        stop()
        bare.values.push(...seen.values().slice(1))
        bare.cpuMs += cpuMsOf(pids()) - cpu
      },
    },
    () => {
      for (const samples of [juanie, bare]) Object.assign(samples, { cpuMs: 0 }).values.length = 0
    },
  )
  project.end()
  const side = juanie.side()
  return [
    {
      row: 'lines',
      what: 'a line printed → seen by a viewer, 10 lines a second',
      unit: 'ms',
      juanie: side,
      floor: bare.side(),
      goals: [atMost('p50 ≤ 15 ms', side.p50, 15), atMost('p99 ≤ 50 ms', side.p99, 50)],
      verified: `each of ${side.count} lines seen once and in order`,
    },
  ]
}

export const lines: Row = { name: 'lines', about: 'a line printed → seen by a viewer', measure }
