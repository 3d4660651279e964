import { until } from './juanie.ts'
import type { Shop } from './shop.ts'
import { storeAction } from './store-action.ts'

export const people = {
  viewer: { email: 'vic@example.com', name: 'Vic', password: 'a password of vic' },
  developer: { email: 'dora@example.com', name: 'Dora', password: 'a password of dora' },
} as const

/** Nowhere but in the application's own environment may it ever be seen. */
export const secretValue = 'canary-9f3a-never-to-be-seen'

/** What a build prints: groups, colours, a warning, and a page of results. */
const workflow = (options: { suites?: string[]; fails?: boolean; labels?: string } = {}) => `name: CI
on:
  push:
  workflow_dispatch:
    inputs:
      pause:
        description: Seconds to wait between two lines
        default: '0'
      lines:
        description: How many lines to print
        default: '3'
jobs:
  lint:
    name: Lint
    runs-on: ${options.labels ?? 'ubuntu-latest'}
    steps:
      - uses: actions/checkout@v4
      - name: Check the style
        run: |
          echo "checking 14 files"
          echo "::warning file=server.js,line=4,title=Unused variable::pause is never read"
          printf '\\033[33mserver.js\\033[0m 4:7 \\033[2munused variable\\033[0m\\n'
  test:
    name: Test \${{ matrix.suite }}
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        suite: [${(options.suites ?? ['cart', 'search', 'checkout']).join(', ')}]
    steps:
      - uses: actions/checkout@v4
      - name: Test
        env:
          SUITE: \${{ matrix.suite }}
        run: |
          echo "::group::Prepare"
          for i in $(seq 1 40); do echo "fixture $i of $SUITE"; done
          echo "::endgroup::"
          for i in $(seq 1 30); do printf '\\033[32m✓\\033[0m %s works in case %s\\n' "$SUITE" "$i"; done
${
  options.fails
    ? `          if [ "$SUITE" = search ]; then
            printf '\\033[31m✗\\033[0m search finds what was added\\n'
            echo "::error file=search.js,line=21,title=search finds what was added::expected 3 results, found 0"
            exit 1
          fi
`
    : ''
}          echo "30 passed"
  build:
    name: Build
    needs: [lint, test]
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Build
        run: |
          for i in $(seq 1 \${{ inputs.lines || 3 }}); do echo "compiled module $i"; sleep \${{ inputs.pause || 0 }}; done
          {
            echo "## Build"
            echo
            echo "| file | size |"
            echo "|---|---:|"
            echo "| server.js | 2.1 kB |"
            echo "| compose.yaml | 0.2 kB |"
            echo
            echo "All **90** tests passed. See [the tests](https://example.com/tests)."
          } >> "$GITHUB_STEP_SUMMARY"
      - name: Store
        uses: ./.juanie/actions/store
      - uses: juanie/release@v1
`

/** Names that want to be markup; they must be shown as what they are. */
const hostile = '<img src=x onerror=alert(1)> "quoted" & <script>alert(2)</script>'

/** How a person of an invitation link gets an account, without a browser. */
async function accept(shop: Shop, person: { email: string; name: string; password: string }, role: string) {
  const { id: organizationId } = await shop.api.ask<{ id: string }>('organizations.find', { slug: 'main' })
  const { url } = await shop.api.tell<{ url: string }>('organizations.invite', {
    organizationId,
    email: person.email,
    role,
  })
  const { status } = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: shop.juanie.url },
    body: new URLSearchParams({ ...person }),
  })
  if (status >= 400) throw new Error(`the invitation of ${person.email} was answered with ${status}`)
}

async function promote(shop: Shop, from: string, to: string): Promise<void> {
  const { number } = await shop.tell<{ number: number }>('deployments.promote', { environment: from, to })
  await until(`the promotion to ${to}`, async () =>
    (await shop.deployments()).find((one) => one.number === number && one.final),
  )
}

export interface Furnished {
  /** Numbers of runs, deployments and releases by what they show. */
  run: Record<'good' | 'failed' | 'canceled' | 'invalid' | 'waiting', number>
  deployment: Record<'good' | 'failed' | 'returned' | 'rollback' | 'soaking' | 'queued', number>
  release: { first: number; last: number }
}

/**
 * Fills an installation with what a team has after a while: runs, releases and deployments in every state that people
 * meet, all of them real.
 */
export async function furnish(shop: Shop): Promise<Furnished> {
  const { id: organizationId } = await shop.api.ask<{ id: string }>('organizations.find', { slug: 'main' })
  for (const slug of ['blog', 'docs']) {
    await shop.api.tell('projects.create', { organizationId, slug, template: slug === 'docs' ? 'static' : 'empty' })
  }
  await Promise.all([accept(shop, people.viewer, 'viewer'), accept(shop, people.developer, 'developer')])
  await shop.api.tell('organizations.invite', { organizationId, email: 'eve@example.com', role: 'developer' })
  await shop.tell('variables.set', { name: 'GREETING', value: 'Good day' })
  await shop.tell('variables.set', { name: 'LOG_LEVEL', value: 'info', environment: 'dev' })
  await shop.tell('secrets.set', { name: 'PAYMENT_KEY', value: secretValue })
  await shop.tell('secrets.set', { name: 'PAYMENT_KEY', value: `${secretValue}-2`, environment: 'dev' })

  const usual = { '.juanie/workflows/ci.yml': workflow() }
  const first = await shop.push({ text: 'Greet whoever comes', files: { ...usual, ...storeAction } })
  await shop.deployed(first, ['succeeded'])
  await promote(shop, 'dev', 'staging')
  await promote(shop, 'staging', 'production')

  const second = await shop.push({ text: 'Show prices with tax', files: usual })
  const good = await shop.deployed(second, ['succeeded'])
  await promote(shop, 'dev', 'staging')

  await shop.edit('dev', { startLimitMs: 2_000 })
  const sick = await shop.push({ text: 'Try a faster search', isHealthy: false, files: usual })
  const failed = await shop.deployed(sick)
  await shop.edit('dev', { startLimitMs: null, soakMs: 20_000 })
  const sickens = await shop.push({ text: 'Keep the start page in memory', files: usual })
  await shop.deployed(sickens, ['soaking'])
  await shop.answer('/sicken')
  const returned = await shop.deployed(sickens, ['rolled_back'])
  await shop.edit('dev', { soakMs: null })
  const broken = await shop.push({
    text: 'Find what was added',
    files: { '.juanie/workflows/ci.yml': workflow({ fails: true }) },
  })
  const failedRun = await shop.ended(broken)
  const third = await shop.push({ text: `Escape ${hostile}`, files: usual })
  await shop.deployed(third, ['succeeded'])

  const rollback = await shop.tell<{ number: number }>('deployments.rollback', { environment: 'staging' })
  await until('the rollback', async () =>
    (await shop.deployments()).find((one) => one.number === rollback.number && one.final),
  )

  await shop.must('checkout', '-q', '-b', 'faster-builds')
  await shop.commit({
    text: 'Build on the large machine',
    files: { '.juanie/workflows/ci.yml': workflow({ labels: 'gpu' }) },
  })
  await shop.pushHead('faster-builds')
  const waiting = await shop.runOf((await shop.must('rev-parse', 'HEAD')).stdout.trim())
  await shop.commit({
    text: 'Use a matrix',
    files: {
      '.juanie/workflows/ci.yml': 'name: CI\non: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    step: []\n',
    },
  })
  await shop.pushHead('matrix-builds')
  const invalid = await shop.ended((await shop.must('rev-parse', 'HEAD')).stdout.trim())
  await shop.must('checkout', '-q', 'main')

  const stopped = await shop.tell<{ number: number }>('runs.dispatch', { inputs: { lines: '300', pause: '0.2' } })
  await until('the run to print', async () =>
    (await shop.run(stopped.number)).jobs.some(({ steps }) =>
      steps.some(({ name, lines }) => name === 'Build' && lines > 2),
    ),
  )
  await shop.tell('runs.cancel', { run: stopped.number })
  await until('the run to end', async () => (await shop.run(stopped.number)).status === 'canceled')

  for (const path of ['/', '/', '/', '/slow-not', '/healthz']) {
    for (let times = 0; times < 12; times++) await shop.answer(path)
  }
  await shop.edit('production', { soakMs: 3_600_000 })
  const soaking = await shop.tell<{ number: number }>('deployments.promote', { environment: 'dev', to: 'production' })
  await until('production to soak', async () =>
    (await shop.deployments()).find(({ number, status }) => number === soaking.number && status === 'soaking'),
  )
  const queued = await shop.tell<{ number: number }>('deployments.rollback', { environment: 'production' })
  const { rows } = await shop.ask<{ rows: { number: number }[] }>('releases.list', { limit: 100 })
  return {
    run: {
      good: (await shop.runOf(second)).number,
      failed: failedRun.number,
      canceled: stopped.number,
      invalid: invalid.number,
      waiting: waiting.number,
    },
    deployment: {
      good: good.number,
      failed: failed.number,
      returned: returned.number,
      rollback: rollback.number,
      soaking: soaking.number,
      queued: queued.number,
    },
    release: {
      first: Math.min(...rows.map(({ number }) => number)),
      last: Math.max(...rows.map(({ number }) => number)),
    },
  }
}
