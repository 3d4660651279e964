import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, realpathSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { loadConfig } from '@juanie/core/config'
import { messageOf } from '@juanie/core/errors'
import { Mirrors } from '@juanie/core/git/mirrors'
import { openHome } from '@juanie/core/home'
import { OutsideAddresses } from '@juanie/core/outside-address'
import { identify } from '@juanie/core/process-identity'
import { StartError } from '@juanie/core/start-error'
import type { LocalRunEvent, LocalRunRequest } from '@juanie/services/local-runs/contract'
import { findIsolation } from '../host/isolation.ts'
import { prepareTools } from '../host/tools.ts'
import { ActionNodes } from '../jobs/action-nodes.ts'
import { jobPrograms } from '../jobs/job-programs.ts'
import { Jobs } from '../jobs/jobs.ts'
import { endLeftSteps } from '../jobs/left-steps.ts'
import { LocalRunner } from './local-run.ts'
import { LocalUpstream } from './local-upstream.ts'
import { copyWorkTree } from './work-tree.ts'

const pause = new Int32Array(new SharedArrayBuffer(4))
const pauseMs = 5

/**
 * Waits until it is taken, and the programs of steps with it: `process.stdout` would keep what a slow reader has not
 * taken in memory, and lose it at the end.
 */
function emit(event: LocalRunEvent): void {
  const bytes = Buffer.from(`${JSON.stringify(event)}\n`)
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(1, bytes, from)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A reader that is gone is noticed by its input.
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      Atomics.wait(pause, 0, 0, pauseMs)
    }
  }
}

async function main(): Promise<void> {
  const input = createInterface({ input: process.stdin })
  const request = await new Promise<LocalRunRequest>((resolve, reject) => {
    input.once('line', (line) => resolve(JSON.parse(line) as LocalRunRequest))
    input.once('close', () =>
      reject(new StartError('Nothing was asked for. This program is started by: juanie workflow run')),
    )
  })
  // Other users must be able to read what their programs are given.
  process.umask(0o022)
  const config = loadConfig({ ...process.env, JUANIE_HOME: request.home })
  const home = openHome(config.home)
  const folder = join(home.agent, 'local')
  mkdirSync(folder, { recursive: true, mode: 0o711 })
  await removeLeft(folder)
  const own = join(folder, `${process.pid}-${randomUUID()}`)
  mkdirSync(own, { mode: 0o711 })
  const program = realpathSync(process.argv[1] ?? '')
  const beside = (name: string) => join(dirname(program), `${name}.mjs`)
  const mirrors = new Mirrors({
    folder: home.actions,
    sources: config.actionSources,
    addresses: new OutsideAddresses(config.allowPrivateAddresses),
  })
  let jobs: Jobs | null = null
  try {
    const tools = prepareTools(home, { staticServer: beside('static'), packer: beside('pack') })
    const isolation = await findIsolation({ tools: tools.folders })
    const tree = await copyWorkTree(request.root, join(own, 'repository.git'))
    const runner = new LocalRunner({
      request,
      tree,
      mirrors,
      slots: config.agentJobs,
      labels: ['self-hosted', platform(), arch()],
      isolation: isolation.kind,
      emit,
    })
    jobs = new Jobs({
      home: home.agent,
      jobs: join(own, 'jobs'),
      nodeFolder: dirname(tools.node),
      nodes: new ActionNodes({ folder: join(home.agent, 'nodes'), own: tools.node, given: config.node24 }),
      toolSeed: config.toolCache,
      jobEnvironment: config.jobEnvironment,
      user: isolation.users.step,
      upstream: new LocalUpstream({
        mirrors,
        report: (report) => runner.report(report),
        log: (stream, lines) => runner.log(stream, lines),
      }),
      programsFor: (job) =>
        jobPrograms({
          isolation,
          controlGroups: null,
          node: tools.node,
          path: tools.path,
          packer: tools.packer,
          ...job,
        }),
      warn: (message, error) => console.error(`${message}: ${messageOf(error)}`),
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => runner.cancel())
    // Whoever asked for it is gone: nobody sees what it does.
    input.once('close', () => {
      runner.cancel()
      runner.cancel()
    })
    emit({ kind: 'ended', run: await runner.run(jobs) })
  } finally {
    await jobs?.close()
    mirrors.close()
    await rm(own, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Ends and removes what runs left behind whose process is gone. */
async function removeLeft(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (identify(Number(name.split('-')[0])) !== null) continue
    await endLeftSteps(join(folder, name, 'jobs'))
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error instanceof StartError ? error.message : error)
    process.exit(1)
  },
)
