import { parseWorkflow } from '@juanie/workflow'
import { freshJobs, plan } from '../../packages/services/src/runs/plan.ts'
import { atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

const jobs = 256
const perRound = 20
const values = Array.from({ length: jobs / 16 }, (_, value) => value).join(', ')
const text = `on: push
jobs:
  test:
    runs-on: \${{ matrix.os }}
    name: Test \${{ matrix.os }} \${{ matrix.version }}
    strategy: { matrix: { os: [${Array.from({ length: 16 }, (_, value) => `linux-${value}`).join(', ')}], version: [${values}] } }
    env: { VERSION: "\${{ matrix.version }}" }
    steps: [{ run: make test }, { run: make lint, if: matrix.version == 0 }]
`

/** From the text of a workflow to its jobs, each with its name and labels, ready to be written. */
export const planRow: Row = {
  name: 'plan',
  about: `planning a matrix of ${jobs} jobs`,
  async measure({ rounds }: Bench): Promise<Result[]> {
    const { workflow } = parseWorkflow('ci.yml', text)
    if (!workflow) throw new Error('the workflow of this row is not valid')
    const samples = new Samples()
    let count = 0
    for (let round = -1; round < rounds; round++) {
      for (let time = 0; time < perRound; time++) {
        const began = performance.now()
        const planned = plan({
          workflow,
          jobs: freshJobs(workflow, () => String(count++)),
          isCanceled: false,
          contexts: { github: { ref: 'refs/heads/main' }, vars: {}, inputs: {} },
          newId: () => String(count++),
        })
        const tookMs = performance.now() - began
        const queued = planned.jobs.filter(({ status }) => status === 'queued').length
        if (queued !== jobs) throw new Error(`${queued} of ${jobs} jobs were queued`)
        if (round >= 0) samples.values.push(tookMs)
      }
    }
    const juanie = samples.side()
    return [
      {
        row: 'plan',
        what: `plan a matrix of ${jobs} jobs`,
        unit: 'ms',
        juanie,
        floor: null,
        goals: [atMost('p50 ≤ 50 ms', juanie.p50, 50)],
        verified: `${jobs} jobs queued each time`,
      },
    ]
  },
}
