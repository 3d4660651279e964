import { parseWorkflow } from '@juanie/workflow'
import { atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

const perRound = 40

/** As long and as full of expressions as the middle one of those that public repositories have. */
const text = (salt: number) => `name: CI ${salt}
on:
  push: { branches: [main, 'release/**'], paths-ignore: ['docs/**'] }
  pull_request:
    branches: [main]
  workflow_dispatch:
    inputs:
      debug: { type: boolean, default: false, description: Print more }
permissions: { contents: read }
concurrency:
  group: \${{ github.workflow }}-\${{ github.ref }}
  cancel-in-progress: \${{ github.event_name == 'pull_request' }}
env: { CI: true, FORCE_COLOR: 1 }
jobs:
  lint:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with: { node-version: 22, cache: npm }
      - run: npm ci
      - run: npm run lint
  test:
    needs: lint
    name: Test on \${{ matrix.os }} with \${{ matrix.node }}
    runs-on: \${{ matrix.os }}
    strategy:
      fail-fast: false
      matrix:
        os: [ubuntu-latest, macos-latest, windows-latest]
        node: [20, 22, 24]
        exclude: [{ os: windows-latest, node: 20 }]
        include: [{ os: ubuntu-latest, node: 24, coverage: true }]
    steps:
      - uses: actions/checkout@v4
        with: { fetch-depth: 0, persist-credentials: false }
      - uses: actions/setup-node@v4
        with: { node-version: '\${{ matrix.node }}', cache: npm }
      - uses: actions/cache@v4
        with:
          path: ~/.npm
          key: npm-\${{ runner.os }}-\${{ hashFiles('**/package-lock.json') }}
          restore-keys: npm-\${{ runner.os }}-
      - run: npm ci
      - name: Test
        run: |
          npm test -- --reporter=junit
          echo "done=$?" >> "$GITHUB_OUTPUT"
        env: { NODE_OPTIONS: --max-old-space-size=4096, TOKEN: '\${{ secrets.GITHUB_TOKEN }}' }
      - if: always() && matrix.coverage
        uses: actions/upload-artifact@v4
        with: { name: 'results-\${{ matrix.os }}', path: reports, retention-days: 7 }
  publish:
    needs: [lint, test]
    if: github.event_name == 'push' && startsWith(github.ref, 'refs/heads/main') && !contains(github.event.head_commit.message, '[no release]')
    runs-on: ubuntu-latest
    environment: { name: production, url: 'https://example.com' }
    permissions: { contents: write, id-token: write }
    outputs: { version: '\${{ steps.version.outputs.version }}' }
    steps:
      - uses: actions/checkout@v4
      - id: version
        run: echo "version=$(jq -r .version package.json)" >> "$GITHUB_OUTPUT"
      - run: npm publish --provenance
        env: { NODE_AUTH_TOKEN: '\${{ secrets.NPM_TOKEN }}' }
`

/** From the text of a workflow to what is planned of it, every expression read. */
export const parseRow: Row = {
  name: 'parse',
  about: 'reading a typical workflow file',
  async measure({ rounds }: Bench): Promise<Result[]> {
    const samples = new Samples()
    for (let round = -2; round < rounds; round++) {
      for (let time = 0; time < perRound; time++) {
        // Never the same text twice: what was read before is remembered.
        const written = text((round + 2) * perRound + time)
        const cpu = process.cpuUsage()
        const began = performance.now()
        const { workflow } = parseWorkflow('ci.yml', written)
        const tookMs = performance.now() - began
        if (workflow?.jobs.length !== 3) throw new Error('the workflow of this row is not valid')
        const { user, system } = process.cpuUsage(cpu)
        if (round < 0) continue
        samples.values.push(tookMs)
        samples.cpuMs += (user + system) / 1000
      }
    }
    const juanie = samples.side()
    return [
      {
        row: 'parse',
        what: `read a workflow of ${text(0).split('\n').length - 1} lines`,
        unit: 'ms',
        juanie,
        floor: null,
        goals: [atMost('p50 ≤ 10 ms', juanie.p50, 10)],
        verified: 'three jobs each time',
      },
    ]
  },
}
