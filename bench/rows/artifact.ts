import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { rolldown } from 'rolldown'
import { cleanEnvironment, root } from '../../e2e/lib/juanie.ts'
import { Floor } from '../lib/floor.ts'
import { alternate, atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

const run = promisify(execFile)
const mebibytes = 1_024
const limitMs = 15 * 60_000

const workflow = `on: workflow_dispatch
jobs:
  keep:
    runs-on: ubuntu-latest
    steps:
      - uses: main/keep@main
        with: { mebibytes: ${mebibytes} }
`

/** GitHub's own client in one file, as actions carry it. */
async function client(): Promise<string> {
  const build = await rolldown({
    input: join(root, 'apps/server/src/testing/large-artifact-main.ts'),
    platform: 'node',
    transform: { target: 'node20' },
    logLevel: 'silent',
  })
  const { output } = await build.generate({ format: 'cjs', codeSplitting: false })
  await build.close()
  return output[0].code
}

interface Took {
  upMs: number
  downMs: number
}

function tookOf(lines: string[]): Took {
  const found = lines.map((line) => /^took (.*)$/.exec(line)?.[1]).find((text) => text !== undefined)
  if (!found) throw new Error(`the client did not say how long it took: ${lines.join('\n').slice(-500)}`)
  return JSON.parse(found) as Took
}

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const code = await client()
  const action = await platform.project('keep', {
    'action.yml': 'name: Keep\ninputs: { mebibytes: {} }\nruns: { using: node20, main: main.js }\n',
    'main.js': code,
  })
  await action.copy.push(action.url)
  const project = await platform.project('artifacts', { '.juanie/workflows/keep.yml': workflow })
  await project.copy.push(project.url)
  const folder = join(platform.juanie.home, 'floor')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'client.cjs'), code)
  const { floor, ready } = await Floor.start<{ port: number }>('artifacts', { folder: join(folder, 'store') })
  await using _floor = floor

  const names = ['up', 'down', 'bareUp', 'bareDown', 'copy', 'durable'] as const
  const all = Object.fromEntries(names.map((name) => [name, new Samples()])) as Record<(typeof names)[number], Samples>

  const bare = async () => {
    const claims = Buffer.from(JSON.stringify({ scp: 'Actions.Results:a:b' })).toString('base64url')
    const { stdout } = await run(process.execPath, [join(folder, 'client.cjs')], {
      timeout: limitMs,
      maxBuffer: 64 * 1024 * 1024,
      env: cleanEnvironment({
        RUNNER_TEMP: folder,
        INPUT_MEBIBYTES: String(mebibytes),
        ACTIONS_RESULTS_URL: `http://127.0.0.1:${ready.port}/`,
        ACTIONS_RUNTIME_TOKEN: `a.${claims}.a`,
        GITHUB_SERVER_URL: `http://juanie.localhost:${ready.port}`,
        GITHUB_WORKSPACE: folder,
      }),
    })
    const { upMs, downMs } = tookOf(stdout.split('\n'))
    all.bareUp.values.push(upMs)
    all.bareDown.values.push(downMs)
  }
  const copy = async () => {
    const [from, to] = [join(folder, 'a.bin'), join(folder, 'b.bin')]
    await run('dd', ['if=/dev/urandom', `of=${from}`, 'bs=1M', `count=${mebibytes}`, 'conv=fsync'])
    let began = performance.now()
    await run('cp', ['--reflink=never', from, to])
    all.copy.values.push(performance.now() - began)
    rmSync(to)
    began = performance.now()
    await run('cp', ['--reflink=never', from, to])
    await run('sync', ['--data', to])
    all.durable.values.push(performance.now() - began)
    for (const file of [from, to]) rmSync(file)
  }
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        const { runId } = await project.dispatch('keep.yml')
        await project.finished(runId, limitMs)
        const view = await project.succeeded(runId)
        const { upMs, downMs } = tookOf(await project.lines(view))
        all.up.values.push(upMs)
        all.down.values.push(downMs)
      },
      floor: async () => {
        await bare()
        await copy()
      },
    },
    () => {
      for (const samples of Object.values(all)) samples.values.length = 0
    },
    // A gigabyte each time: nothing of it is quick enough for a first time to matter.
    0,
  )
  action.end()
  project.end()
  const sides = Object.fromEntries(names.map((name) => [name, all[name].side()])) as Record<
    (typeof names)[number],
    ReturnType<Samples['side']>
  >
  const speed = (ms: number) => `${(mebibytes / (ms / 1000)).toFixed(0)} MiB/s`
  const result = (
    what: string,
    [own, client, disk]: [keyof typeof sides, keyof typeof sides, keyof typeof sides],
  ): Result => ({
    row: 'artifact',
    what: `${what} of ${mebibytes} MiB, beside a bare server with the same client`,
    unit: 'ms',
    juanie: sides[own],
    floor: sides[client],
    goals: [atMost('≥ 0.7× the speed of cp', sides[own].p50, sides[disk].p50 / 0.7)],
    verified: `${speed(sides[own].p50)}; the client with a bare server ${speed(sides[client].p50)}, cp ${speed(sides[disk].p50)}; the size came back whole each time`,
  })
  return [result('upload', ['up', 'bareUp', 'durable']), result('download', ['down', 'bareDown', 'copy'])]
}

export const artifact: Row = { name: 'artifact', about: '1 GB as an artifact, there and back', measure }
