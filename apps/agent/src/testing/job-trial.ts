import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { packFolder } from '@juanie/core/bundle'
import type { LeasedJob, Report } from '@juanie/services/hosts/contract'
import { expandJob, parseActionRef, parseWorkflow } from '@juanie/workflow'
import { findIsolation, type HostIsolation } from '../host/isolation.ts'
import { ActionNodes } from '../jobs/action-nodes.ts'
import { jobPrograms } from '../jobs/job-programs.ts'
import { Jobs } from '../jobs/jobs.ts'
import type { JobUpstream } from '../jobs/upstream.ts'

/** One home of an agent, a repository, and actions of other repositories; jobs of it really run. */
export class JobTrial {
  readonly folder = mkdtempSync(join(tmpdir(), 'juanie-trial-'))
  readonly asked: string[][] = []
  downloads = 0
  /** The Node that actions get which ask for a newer one than this. */
  node24: string | null = process.execPath
  /** What tool caches begin with. */
  toolSeed: string | null = null
  /** What every job gets. */
  jobEnvironment: Record<string, string> = {}
  refused: Record<string, string> = {}
  #isolation: HostIsolation | null = null

  constructor() {
    chmodSync(this.folder, 0o755)
    mkdirSync(join(this.folder, 'repository'))
    this.git('init', '-q', '-b', 'main')
  }

  git(...args: string[]): string {
    const work = join(this.folder, 'repository')
    const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com']
    return execFileSync('git', ['-C', work, ...who, ...args], { encoding: 'utf8' }).trim()
  }

  /** Files of the job's own repository, by path. */
  repository(files: Record<string, string>): this {
    write(join(this.folder, 'repository'), files)
    return this
  }

  /** Files of `owner/name`, whatever the version. */
  action(name: string, files: Record<string, string>): this {
    write(join(this.folder, 'sources', name), files)
    return this
  }

  async run(
    steps: string,
    options: {
      timeoutMs?: number
      onReport?: (report: Report, jobs: Jobs, job: LeasedJob) => void
      secrets?: Record<string, string>
      /** Further lines of the job. */
      more?: string
    } = {},
  ) {
    this.git('add', '-A')
    this.git('commit', '-qm', 'x', '--allow-empty')
    const commit = this.git('rev-parse', 'HEAD')
    const bare = join(this.folder, `bare-${commit}.git`)
    if (!existsSync(bare)) execFileSync('git', ['clone', '-q', '--bare', join(this.folder, 'repository'), bare])
    this.#isolation ??= await findIsolation({ tools: [dirname(dirname(process.execPath))] })
    const isolation = this.#isolation
    const reports: Report[] = []
    const logs = new Map<number, string[]>()
    let over = () => {}
    const ended = new Promise<void>((resolve) => {
      over = resolve
    })
    const upstream: JobUpstream = {
      report: (report) => {
        reports.push(report)
        options.onReport?.(report, jobs, job)
        if (report.kind === 'job.ended') over()
      },
      log: (stream, lines) => {
        logs.set(stream.step, [...(logs.get(stream.step) ?? []), ...lines.map(([, text]) => text)])
      },
      serverUrl: () => 'http://127.0.0.1:3000',
      putBlob: async () => {},
      makeRelease: async (release) => ({ releaseId: 'r', number: 7, digest: release.bundle, notHonoured: [] }),
      askDeployment: async () => ({ deploymentId: 'd', number: 3 }),
      deploymentProgress: async () => ({ status: 'succeeded', final: true, reason: null, url: '', waitsFor: null }),
      resolveActions: async ({ uses }) => {
        this.asked.push(uses)
        return uses.map((each) => {
          const ref = parseActionRef(each)
          if (ref?.kind !== 'remote') throw new Error(`asked for ${each}`)
          const { owner, name } = ref
          const reason = this.refused[each]
          if (reason) return { kind: 'refused', reason }
          return { kind: 'found', owner, name, commit: 'c'.repeat(40), notice: null }
        })
      },
      downloadAction: async (_job, { owner, name }, file) => {
        this.downloads++
        await packFolder(join(this.folder, 'sources', owner, name), file)
      },
    }
    const text = `on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n${options.more ?? ''}    steps:\n${steps.trim().replace(/^/gm, '      ')}\n`
    const { workflow, problems } = parseWorkflow('ci.yml', text)
    if (!workflow) throw new Error(JSON.stringify(problems))
    const [instance] = expandJob(workflow.jobs[0]!, {})
    const job: LeasedJob = {
      jobId: 'c2c53a2e-0000-7000-8000-00000000000a',
      runId: 'b2c53a2e-0000-7000-8000-000000000002',
      runNumber: 1,
      projectId: 'b2c53a2e-0000-7000-8000-000000000003',
      instance: instance!,
      workflow: { name: 'ci', env: workflow.env, defaults: workflow.defaults },
      contexts: {
        github: {
          sha: commit,
          ref: 'refs/heads/main',
          ref_name: 'main',
          ...sample,
          repository: 'main/shop',
          token: 'jgs_pass',
          workflow_ref: 'main/shop/.github/workflows/ci.yml@refs/heads/main',
          event: { after: commit },
        },
        vars: {},
        secrets: options.secrets ?? {},
        needs: {},
        inputs: {},
        matrix: null,
        job: { workflow_ref: 'main/shop/.github/workflows/ci.yml@refs/heads/main', workflow_sha: commit },
      },
      repository: { path: '/git/main/shop.git', localPath: bare, commit, ref: 'refs/heads/main', gitToken: 'none' },
      services: { runtimeToken: 'runtime-pass', token: 'jgs_pass', idTokenRequest: 'identity-pass' },
      limits: { timeoutMs: options.timeoutMs ?? 60_000, workspaceBytes: 1e9, logBytes: 1e8, memoryBytes: null },
    }
    const own = process.execPath
    const jobs: Jobs = new Jobs({
      home: join(this.folder, 'agent'),
      nodeFolder: dirname(own),
      nodes: new ActionNodes({
        folder: join(this.folder, 'agent/nodes'),
        own,
        given: this.node24,
        hostMajor: this.node24 === own ? 24 : 20,
      }),
      toolSeed: this.toolSeed,
      jobEnvironment: this.jobEnvironment,
      user: isolation.users.step,
      upstream,
      programsFor: (programs) =>
        jobPrograms({
          isolation,
          controlGroups: null,
          node: own,
          path: '/usr/local/bin:/usr/bin:/bin',
          packer: own,
          ...programs,
        }),
      warn: (message, error) => {
        throw new Error(message, { cause: error })
      },
    })
    jobs.lease({ job, fence: 1 })
    await ended
    await jobs.close()
    return {
      reports,
      log: (step: number) => logs.get(step) ?? [],
      lines: [...logs.values()].flat(),
      /** Names of what ran, with what it came to. */
      steps: reports.flatMap((report) => {
        if (report.kind !== 'step.ended') return []
        const begun = reports.find((each) => each.kind === 'step.started' && each.step === report.step)
        return [[begun?.kind === 'step.started' ? begun.name : report.step, report.conclusion]]
      }),
      end: reports.find((report) => report.kind === 'job.ended')!,
      ended: (step: number) => reports.find((report) => report.kind === 'step.ended' && report.step === step),
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** What a server says besides of each run. */
const sample = {
  actor: 'ada',
  actor_id: '1',
  api_url: 'http://127.0.0.1:3000/api',
  base_ref: '',
  event_name: 'push',
  graphql_url: 'http://127.0.0.1:3000/api/graphql',
  head_ref: '',
  ref_protected: false,
  ref_type: 'branch',
  repository_id: '2',
  repository_owner: 'main',
  repository_owner_id: '3',
  repositoryUrl: 'http://127.0.0.1:3000/git/main/shop.git',
  retention_days: '90',
  run_attempt: '1',
  run_id: '1',
  run_number: '1',
  secret_source: 'Actions',
  server_url: 'http://127.0.0.1:3000',
  triggering_actor: 'ada',
  workflow: 'ci',
  workflow_sha: 'd'.repeat(40),
}

function write(root: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}
