import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { root } from '../../e2e/lib/juanie.ts'
import { visit } from '../../e2e/lib/visitor.ts'
import { pause, until, wallMs, within } from '../lib/clock.ts'
import { Floor } from '../lib/floor.ts'
import type { Platform } from '../lib/platform.ts'
import { alternate, atMost, type Bench, type Result, type Row, ratioGoal, Samples } from '../lib/row.ts'

const healthy = 3
const hostname = 'app.localhost'
const finalStatuses = ['succeeded', 'failed', 'rolled_back', 'rollback_failed', 'canceled', 'superseded']

const compose = (version: string) => `services:
  web:
    command: [node, server.mjs]
    ports: ['3000']
    environment:
      VERSION: ${version}
    x-juanie:
      health:
        path: /healthz
        healthy: ${healthy}
`

/** A visitor that asks about a thousand times a second and notes when it first saw each version. */
class Watcher {
  readonly #seen = new Map<string, number>()
  readonly failures: string[] = []
  requests = 0
  #isOn = true
  readonly #loop: Promise<void>

  constructor(port: number, host: string) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    this.#loop = (async () => {
      while (this.#isOn) {
        try {
          const { status, body } = await visit(port, host, { agent })
          if (status === 200) this.#seen.set(body, this.#seen.get(body) ?? wallMs())
          else this.failures.push(`${status} ${body.slice(0, 100)}`)
        } catch (error) {
          this.failures.push((error as Error).message)
        }
        this.requests++
        await pause(1)
      }
      agent.destroy()
    })()
  }

  saw(version: string): Promise<number> {
    return until(`an answer of version ${version}`, () => this.#seen.get(version), { everyMs: 1 })
  }

  forget(): void {
    this.#seen.clear()
  }

  async stop(): Promise<void> {
    this.#isOn = false
    await this.#loop
  }
}

interface Side {
  deploy(version: string): Promise<void>
  settled(): Promise<void>
}

async function juanieSide(platform: Platform, versions: string[]): Promise<Side & { hostname: string }> {
  const { juanie, api } = platform
  const made = await juanie.json<{ id: string }>(['project', 'create', 'application'])
  const project = ['--project', 'main/application']
  await juanie.json(['env', 'edit', 'dev', '--soak', '0s', '--drain', '1s', ...project])
  const releases = new Map<string, number>()
  let url = ''
  for (const version of versions) {
    const folder = join(juanie.home, 'versions', version)
    mkdirSync(folder, { recursive: true })
    copyFileSync(join(root, 'bench/floors/application.mjs'), join(folder, 'server.mjs'))
    writeFileSync(join(folder, 'compose.yaml'), compose(version))
    const answer = await juanie.json<{
      status: string
      reason: string | null
      url: string
      release: { number: number }
    }>(['deploy', 'dev', '--from', folder, ...project])
    if (answer.status !== 'succeeded') throw new Error(`the first deployment ${answer.status}: ${answer.reason}`)
    releases.set(version, answer.release.number)
    url = answer.url
  }
  let last = ''
  return {
    hostname: new URL(url).hostname,
    async deploy(version) {
      const { id } = await api.mutate<{ id: string }>('deployments.start', {
        projectId: made.id,
        environment: 'dev',
        release: releases.get(version),
      })
      last = id
    },
    async settled() {
      const status = await until(
        'the deployment to end',
        async () => {
          const view = await api.query<{ status: string }>('deployments.view', { projectId: made.id, deployment: last })
          return finalStatuses.includes(view.status) && view.status
        },
        { everyMs: 20 },
      )
      if (status !== 'succeeded') throw new Error(`a deployment is ${status}, not succeeded`)
    },
  }
}

async function measure(bench: Bench): Promise<Result[]> {
  const platform = await bench.platform()
  const versions = ['one', 'two']
  const juanie = await juanieSide(platform, versions)
  const started = await Floor.start<{ port: number }>('deployment', {
    program: join(root, 'bench/floors/application.mjs'),
    healthy,
  })
  await using bare = started.floor
  bare.tell({ type: 'deploy', version: 'first' })
  await bare.next('switched')

  const sides = { juanie: new Samples(), floor: new Samples() }
  const watchers = {
    juanie: new Watcher(platform.juanie.edgePort, juanie.hostname),
    floor: new Watcher(started.ready.port, hostname),
  }
  try {
    const timed = async (name: 'juanie' | 'floor', version: string, deploy: () => Promise<void>) => {
      watchers[name].forget()
      const began = wallMs()
      const asked = deploy()
      sides[name].values.push((await watchers[name].saw(version)) - began)
      await within(30_000, 'a deployment', asked)
    }
    // The last that was deployed while preparing is `two`; the first round, an odd one, begins with `one`.
    await alternate(
      bench.rounds * 2,
      {
        juanie: async (round) => {
          const version = versions[Math.abs(round + 1) % 2]!
          await timed('juanie', version, () => juanie.deploy(version))
          await juanie.settled()
        },
        floor: async (round) => {
          const version = `round-${round}`
          await timed('floor', version, async () => {
            bare.tell({ type: 'deploy', version })
            await bare.next('switched')
          })
          // Its old version ends meanwhile.
          await pause(1_000)
        },
      },
      () => {
        for (const samples of Object.values(sides)) samples.values.length = 0
      },
      3,
    )
  } finally {
    await watchers.juanie.stop()
    await watchers.floor.stop()
  }
  const side = sides.juanie.side()
  const floor = sides.floor.side()
  const { failures, requests } = watchers.juanie
  for (const failure of failures.slice(0, 5)) bench.say(`  ${failure}`)
  return [
    {
      row: 'deployment',
      what: 'deployment, asked → the new version answers',
      unit: 'ms',
      juanie: side,
      floor,
      goals: [ratioGoal(side, floor, 1.3), atMost('0 failed', failures.length, 0)],
      verified: `every deployment succeeded; ${failures.length} of ${requests} requests failed (floor ${watchers.floor.failures.length} of ${watchers.floor.requests})`,
    },
  ]
}

export const deployment: Row = { name: 'deployment', about: 'deployment, start → switched', measure }
