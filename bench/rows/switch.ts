import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EdgeSupervisor } from '../../apps/agent/src/edge/supervisor.ts'
import { root } from '../../e2e/lib/juanie.ts'
import { pause, until, wallMs } from '../lib/clock.ts'
import { Floor } from '../lib/floor.ts'
import { alternate, atMost, type Bench, type Result, type Row, Samples } from '../lib/row.ts'

const hostname = 'app.localhost'
const versions = ['one', 'two'] as const
const idleSwitches = 20
const connections = 16
const betweenMs = 50

interface Application {
  child: ChildProcess
  port: number
}

async function application(version: string): Promise<Application> {
  const child = spawn(process.execPath, [join(root, 'bench/floors/application.mjs')], {
    env: { PATH: process.env.PATH, PORT: '0', VERSION: version },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (chunk) => resolve(Number(chunk)))
    child.once('exit', () => reject(new Error('an application did not start')))
  })
  return { child, port }
}

/** What answers through a proxy right now, on a connection of its own. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, agent: false, headers: { host: hostname } }, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve(body))
      })
      .on('error', reject)
  })
}

interface Switched {
  port: number
  to(place: 0 | 1): Promise<void>
}

/** Switches to and fro until told to stop; each must be in force for the next request. */
async function switchWhile(side: Switched, isOn: () => boolean, samples: Samples): Promise<void> {
  for (let turn = 1; isOn(); turn++) {
    const place = (turn % 2) as 0 | 1
    const began = wallMs()
    await side.to(place)
    samples.values.push(wallMs() - began)
    if ((await ask(side.port)) !== versions[place]) throw new Error('the next request after a switch went elsewhere')
    await pause(betweenMs)
  }
}

async function measure(bench: Bench): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'juanie-switch-'))
  const applications = await Promise.all(versions.map(application))
  const supervisor = new EdgeSupervisor({
    folder,
    entry: join(root, 'dist/edge.mjs'),
    settings: { host: '127.0.0.1', port: 0, trustProxy: false },
  })
  try {
    const { listen } = await supervisor.start()
    const started = await Floor.start<{ port: number; control: number }>('switch', {
      ports: applications.map(({ port }) => port),
      file: join(folder, 'choice.json'),
    })
    await using floor = started.floor
    void floor
    let version = 0
    const targets = versions.map((id, place) => ({ id, host: '127.0.0.1', port: applications[place]!.port }))
    const edge: Switched = {
      port: listen!.port,
      to: (place) =>
        supervisor.client.setTable({
          version: ++version,
          routes: [{ hostname, instances: [targets[place]!], standby: [targets[1 - place]!], state: 'serving' }],
        }),
    }
    const agent = new http.Agent({ keepAlive: true })
    const bare: Switched = {
      port: started.ready.port,
      to: (place) =>
        new Promise((resolve, reject) => {
          http
            .request(
              { host: '127.0.0.1', port: started.ready.control, path: `/${place}`, method: 'PUT', agent },
              (answer) => {
                answer.resume()
                answer.on('end', resolve)
              },
            )
            .on('error', reject)
            .end()
        }),
    }
    await edge.to(0)

    const idle = { juanie: new Samples(), floor: new Samples() }
    const loaded = { juanie: new Samples(), floor: new Samples() }
    const counts = { juanie: { answered: 0, failed: 0, seconds: 0 }, floor: { answered: 0, failed: 0, seconds: 0 } }
    const share = Math.ceil(bench.requests / bench.rounds)
    const once = async (name: 'juanie' | 'floor', side: Switched, requests: number) => {
      let left = idleSwitches
      await switchWhile(side, () => left-- > 0, idle[name])
      const { floor: load } = await Floor.start('load', { port: side.port, hostname, connections, answers: versions })
      try {
        const began = performance.now()
        load.tell({ type: 'go', requests })
        let isOver = false
        const over = load
          .next<{ answered: number; failed: number; failures: string[] }>('over', 300_000)
          .then((result) => {
            isOver = true
            return result
          })
        await switchWhile(side, () => !isOver, loaded[name])
        const { answered, failed, failures } = await over
        if (failures.length > 0) bench.say(`  ${name}: ${failures.join('; ')}`)
        counts[name].answered += answered
        counts[name].failed += failed
        counts[name].seconds += (performance.now() - began) / 1000
      } finally {
        await load[Symbol.asyncDispose]()
      }
    }
    let isWarm = false
    await alternate(
      bench.rounds,
      {
        juanie: () => once('juanie', edge, isWarm ? share : 2_000),
        floor: () => once('floor', bare, isWarm ? share : 2_000),
      },
      () => {
        isWarm = true
        for (const samples of [idle.juanie, idle.floor, loaded.juanie, loaded.floor]) samples.values.length = 0
        for (const count of Object.values(counts)) Object.assign(count, { answered: 0, failed: 0, seconds: 0 })
      },
    )
    agent.destroy()
    const side = { idle: idle.juanie.side(), loaded: loaded.juanie.side() }
    const { juanie, floor: floorCounts } = counts
    return [
      {
        row: 'switch',
        what: 'the switch alone, both versions ready',
        unit: 'ms',
        juanie: side.idle,
        floor: idle.floor.side(),
        goals: [atMost('p50 ≤ 10 ms', side.idle.p50, 10)],
        verified: 'the next request went to the other version each time',
      },
      {
        row: 'switch',
        what: `the same under ${connections} connections that never rest`,
        unit: 'ms',
        juanie: side.loaded,
        floor: loaded.floor.side(),
        goals: [
          atMost('p50 ≤ 10 ms', side.loaded.p50, 10),
          atMost(`0 failed of ${(juanie.answered + juanie.failed).toLocaleString('en')}`, juanie.failed, 0),
        ],
        verified: `${juanie.failed} failed of ${juanie.answered + juanie.failed} (floor ${floorCounts.failed}); ${Math.round(juanie.answered / juanie.seconds)} requests a second (floor ${Math.round(floorCounts.answered / floorCounts.seconds)})`,
      },
    ]
  } finally {
    await supervisor.stop(0)
    await Promise.all(
      applications.map(async ({ child }) => {
        child.kill('SIGKILL')
        await until('an application to end', () => child.exitCode !== null || child.signalCode !== null)
      }),
    )
    rmSync(folder, { recursive: true, force: true })
  }
}

export const switchRow: Row = { name: 'switch', about: 'the switch of traffic alone, with 100,000 requests', measure }
