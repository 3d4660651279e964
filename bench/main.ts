import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { FloorDatabase } from './lib/floor-database.ts'
import { Platform } from './lib/platform.ts'
import type { Bench, Result, Row } from './lib/row.ts'
import { table, verdict } from './lib/table.ts'
import { action } from './rows/action.ts'
import { artifact } from './rows/artifact.ts'
import { checkout } from './rows/checkout.ts'
import { consoleRow } from './rows/console.ts'
import { deployment } from './rows/deployment.ts'
import { lines } from './rows/lines.ts'
import { lost } from './rows/lost.ts'
import { memory } from './rows/memory.ts'
import { parseRow } from './rows/parse.ts'
import { planRow } from './rows/plan.ts'
import { push } from './rows/push.ts'
import { start } from './rows/start.ts'
import { steps } from './rows/steps.ts'
import { switchRow } from './rows/switch.ts'

const rows: Row[] = [
  push,
  parseRow,
  planRow,
  checkout,
  steps,
  action,
  artifact,
  lines,
  lost,
  deployment,
  switchRow,
  start,
  memory,
  consoleRow,
]

const help = `Measures Juanie beside its floors, both in the same run and in turn; docs/performance.md says how to read it.

  npm run bench -- [--only <row>,…] [--rounds <n>] [--requests <n>] [--rest <seconds>] [--json <file>]

  --only      rows, separated by commas; default: all
  --rounds    of each row; default 5, fewer than 5 are no measurement but a try
  --requests  with which the switch is watched; default 100000
  --rest      before memory is read; default 60
  --json      writes the results there as well

Rows:
${rows.map(({ name, about }) => `  ${name.padEnd(11)} ${about}`).join('\n')}

Exit code: 0 when everything was measured and verified, also where a goal was missed; 1 otherwise.`

class Shared implements AsyncDisposable {
  #platform: Promise<Platform> | null = null
  #database: Promise<FloorDatabase> | null = null

  platform(): Promise<Platform> {
    this.#platform ??= Platform.start()
    return this.#platform
  }

  database(): Promise<FloorDatabase> {
    this.#database ??= FloorDatabase.start()
    return this.#database
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const made of [this.#platform, this.#database]) {
      const part = await made?.catch(() => null)
      await part?.[Symbol.asyncDispose]()
    }
  }
}

const whole = (name: string, text: string | undefined, fallback: number): number => {
  if (text === undefined) return fallback
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${name}: "${text}" is not a whole number above 0.`)
}

/** The program `npm run bench`; its exit code. */
export async function bench(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  let options: { only?: string; rounds?: string; requests?: string; rest?: string; json?: string; help?: boolean }
  let chosen = rows
  let told: Pick<Bench, 'rounds' | 'requests' | 'restMs'>
  try {
    const parsed = parseArgs({
      args,
      options: {
        only: text,
        rounds: text,
        requests: text,
        rest: text,
        json: text,
        help: { type: 'boolean', short: 'h' },
      },
    })
    options = parsed.values
    const names = options.only?.split(',').map((name) => name.trim())
    const unknown = names?.find((name) => !rows.some((row) => row.name === name))
    if (unknown !== undefined)
      throw new Error(`--only: there is no row "${unknown}". There are: ${rows.map(({ name }) => name).join(', ')}.`)
    if (names) chosen = rows.filter(({ name }) => names.includes(name))
    told = {
      rounds: whole('rounds', options.rounds, 5),
      requests: whole('requests', options.requests, 100_000),
      restMs: whole('rest', options.rest, 60) * 1000,
    }
  } catch (error) {
    console.error((error as Error).message)
    return 2
  }
  if (options.help) {
    console.log(help)
    return 0
  }

  const shared = new Shared()
  const interrupted = () => {
    console.error('\nInterrupted; cleaning up.')
    shared[Symbol.asyncDispose]().finally(() => process.exit(130))
  }
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  const machine = describe()
  console.log(machine)
  const results: Result[] = []
  const failed: string[] = []
  const parts: Bench = {
    ...told,
    platform: () => shared.platform(),
    database: () => shared.database(),
    say: (line) => console.error(line),
  }
  try {
    for (const row of chosen) {
      console.error(`measuring: ${row.about} (load ${loadavg()[0]!.toFixed(1)})`)
      try {
        results.push(...(await row.measure(parts)))
      } catch (error) {
        failed.push(`${row.name}: ${(error as Error).message}`)
        console.error(error)
      }
    }
  } finally {
    await shared[Symbol.asyncDispose]()
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
  }
  if (results.length > 0) console.log(`\n${table(results)}`)
  const missed = results.filter((result) => verdict(result) === 'missed')
  console.log(
    `\n${results.length} measurements, ${missed.length} with a missed goal${missed.length > 0 ? ' (docs/performance.md explains)' : ''}`,
  )
  for (const line of failed) console.log(`not measured: ${line}`)
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, ...told, results, failed }, null, 2)}\n`)
  return failed.length > 0 ? 1 : 0
}

function describe(): string {
  const [cpu] = cpus()
  const gitVersion = execFileSync('git', ['--version'], { encoding: 'utf8' }).trim()
  return `${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, ${gitVersion}, load ${loadavg()[0]!.toFixed(2)}`
}
