import { messageOf } from '@juanie/core/errors'
import type { Mirrors } from '@juanie/core/git/mirrors'
import { uuidv7 } from '@juanie/core/ids'
import { StartError } from '@juanie/core/start-error'
import type { LeasedJob, Report } from '@juanie/services/hosts/contract'
import type { LocalJob, LocalRun, LocalRunEvent, LocalRunRequest } from '@juanie/services/local-runs/contract'
import {
  askToEnd,
  type CalledWorkflows,
  calledText,
  freshJobs,
  latest,
  localCalls,
  move,
  type PlannedJob,
  plan,
  type WantedWorkflow,
} from '@juanie/services/runs/pure'
import { isJobHeld, jobMoveOf, nextRunStatus } from '@juanie/services/runs/status'
import { ancestorsOf, type Contexts, Masker, matchesRunner, parseWorkflow, type Workflow } from '@juanie/workflow'
import type { Jobs } from '../jobs/jobs.ts'
import { labelOf } from '../jobs/step-runner.ts'
import type { StepStream } from '../jobs/upstream.ts'
import { settleGroups } from './groups.ts'
import { leasedOf } from './lease.ts'
import { localGithub } from './local-facts.ts'
import { resolveAt } from './local-upstream.ts'
import { durationOf, StepRecord } from './step-record.ts'
import type { WorkTree } from './work-tree.ts'

const maxTextBytes = 1024 * 1024
const fence = 1

interface Parts {
  request: LocalRunRequest
  tree: WorkTree
  mirrors: Mirrors
  /** How many jobs run at once. */
  slots: number
  labels: string[]
  isolation: string
  emit(event: LocalRunEvent): void
}

/** What is kept of a job besides its plan. */
interface Kept {
  startedAt: string | null
  finishedAt: string | null
  steps: StepRecord
  told: string
}

/** One run of a workflow on this machine, planned as the server plans its runs. */
export class LocalRunner {
  readonly #parts: Parts
  readonly #workflow: Workflow
  readonly #contexts: Contexts
  readonly #masker: Masker
  readonly #startedAt = new Date().toISOString()
  readonly #kept = new Map<string, Kept>()
  /** Workflows of other repositories that are being fetched. */
  readonly #fetching = new Set<string>()
  #called: CalledWorkflows = {}
  #jobs: PlannedJob[]
  #agent: Pick<Jobs, 'lease' | 'cancel'> | null = null
  /** Keys of `--matrix` that no job has had with that value. */
  readonly #unmatched: Set<string>
  #isCanceled = false
  #isOver = false
  #end: (run: LocalRun) => void = () => {}
  #fail: (error: unknown) => void = () => {}

  constructor(parts: Parts) {
    this.#parts = parts
    const { request, tree } = parts
    this.#workflow = narrowed(workflowOf(request), request.jobs)
    this.#contexts = {
      github: localGithub(request, tree, this.#workflow.name ?? request.file),
      vars: request.vars,
      inputs: request.inputs,
    }
    this.#unmatched = new Set(Object.keys(request.matrix))
    this.#masker = new Masker(Object.values(request.secrets))
    this.#jobs = freshJobs(this.#workflow, uuidv7)
  }

  /** Runs to the end. `agent` works on the jobs, and tells `report` and `log` of them. */
  async run(agent: Pick<Jobs, 'lease' | 'cancel'>): Promise<LocalRun> {
    const { request, tree, isolation, emit } = this.#parts
    this.#agent = agent
    await this.#readCalled()
    const workflow = this.#workflow.name ?? request.file
    const { ref, head: commit, isDirty } = tree
    emit({ kind: 'begun', workflow, event: request.event, ref, commit, isDirty, isolation })
    return new Promise((resolve, reject) => {
      this.#end = resolve
      this.#fail = reject
      this.#advance()
    })
  }

  /** The first time, steps with `always()` still run; the second time nothing does. */
  cancel(): void {
    if (this.#isOver) return
    const isSecond = this.#isCanceled
    this.#isCanceled = true
    askToEnd(this.#jobs, { all: isSecond })
    if (isSecond) {
      for (const job of this.#jobs) if (isJobHeld(job.status)) move(job, 'cancel', 'run.canceled')
    }
    this.#advance()
  }

  report(report: Report): void {
    const job = this.#jobs.find(({ id }) => id === report.jobId)
    if (this.#isOver || !job || !isJobHeld(job.status)) return
    const kept = this.#keptOf(job)
    if (report.kind === 'job.started') {
      kept.startedAt = report.at
      move(job, 'start')
      this.#tell()
    } else if (report.kind === 'job.ended') {
      if (job.status === 'leased') move(job, 'start')
      kept.finishedAt = report.at
      job.outputs = report.outputs
      move(job, jobMoveOf[report.result], report.reason)
      // The next job may take its place, and is not to be started from within this one.
      setImmediate(() => this.#advance())
    } else {
      const step = kept.steps.take(report)
      if (!step) return
      const { name, status } = step
      this.#parts.emit({ kind: 'step', job: job.name, name, status, durationMs: durationOf(step) })
    }
  }

  log({ jobId, step }: StepStream, lines: [number, string][]): void {
    const job = this.#jobs.find(({ id }) => id === jobId)
    if (job) {
      this.#parts.emit({ kind: 'lines', job: job.name, step: this.#keptOf(job).steps.at(step).name, lines })
    }
  }

  /** Does all that can be done now. */
  #advance(): void {
    if (this.#isOver) return
    try {
      let result: ReturnType<typeof plan>
      do {
        result = plan({
          workflow: this.#workflow,
          file: this.#parts.request.file,
          called: this.#called,
          jobs: this.#jobs,
          isCanceled: this.#isCanceled,
          contexts: this.#contexts,
          leftOut: (job) => this.#leftOut(job),
          newId: uuidv7,
        })
        this.#jobs = result.jobs
        for (const job of this.#jobs) {
          if (job.stop !== null) this.#agent?.cancel(job.id, fence, job.stop)
          Object.assign(job, { isStored: true, isChanged: false, moves: [], stop: null })
        }
      } while (settleGroups(this.#jobs))
      this.#tell()
      for (const wanted of result.wanted) this.#fetch(wanted)
      if (result.end) this.#finish(result.end)
      else void this.#give().catch(this.#fail)
    } catch (error) {
      this.#fail(error)
    }
  }

  #leftOut({ instance, labels }: Pick<PlannedJob, 'instance' | 'labels'>): string | null {
    const { request } = this.#parts
    for (const [name, value] of Object.entries(request.matrix)) {
      const own = instance?.matrix?.[name]
      if (String(own) === value) this.#unmatched.delete(name)
      else if (own !== undefined) return `--matrix asks for ${name}=${value}.`
    }
    if (instance?.calls || matchesRunner(labels, this.#parts.labels)) return null
    return `This machine is none with the labels ${labels.join(', ')}.`
  }

  /** As many jobs as there are slots, the oldest first. */
  async #give(): Promise<void> {
    const free = this.#parts.slots - this.#jobs.filter(({ status }) => isJobHeld(status)).length
    const waiting = this.#jobs.filter(({ status }) => status === 'queued').slice(0, Math.max(0, free))
    for (const job of waiting) move(job, 'lease')
    for (const job of waiting) {
      try {
        const leased = await this.#leased(job)
        if (!this.#isOver && isJobHeld(job.status)) this.#agent?.lease({ job: leased, fence })
      } catch (error) {
        move(job, 'fail', messageOf(error))
        this.#advance()
      }
    }
  }

  #leased(job: PlannedJob): Promise<LeasedJob> {
    const { request, tree } = this.#parts
    const [workflow, called, jobs, contexts] = [this.#workflow, this.#called, this.#jobs, this.#contexts]
    return leasedOf(job, { request, tree, workflow, called, jobs, contexts })
  }

  /** The workflows of the tree itself that this one calls. */
  async #readCalled(): Promise<void> {
    const { request, tree, mirrors } = this.#parts
    const at = { repositoryId: '', commit: tree.commit, workflows: [] }
    const read = async (file: string) => {
      const text = await mirrors.read(tree.repository, { commit: tree.commit, path: file }, maxTextBytes)
      return text === null
        ? null
        : { file, name: file, origin: 'repository' as const, text, parsed: parseWorkflow(file, text) }
    }
    const own = { file: request.file, name: request.file, origin: 'repository' as const, text: request.text }
    const parsed = { workflow: this.#workflow, problems: [] }
    const { called, problems } = await localCalls({ fileAt: (_id, _commit, path) => read(path) }, at, {
      ...own,
      parsed,
    })
    const fault = problems.find(({ severity }) => severity === 'error')
    if (fault) {
      const { file, position, message } = fault
      throw new StartError(`${file}:${position ? `${position.line}:${position.column}:` : ''} ${message}`)
    }
    this.#called = called
  }

  #fetch(wanted: WantedWorkflow): void {
    if (this.#fetching.has(wanted.key)) return
    this.#fetching.add(wanted.key)
    const { mirrors } = this.#parts
    const fetched = calledText(
      {
        resolve: (what) => resolveAt(mirrors, what),
        read: ({ commit, path, ...name }) => mirrors.read(mirrors.folderOf(name), { commit, path }, maxTextBytes),
      },
      wanted,
    )
    // Nobody tries again later, as a server would: what cannot be reached now fails the job that calls it.
    void fetched
      .catch((error) => ({ file: wanted.key, text: null, fault: messageOf(error), commit: null }))
      .then((text) => {
        this.#called = { ...this.#called, [wanted.key]: text }
        this.#advance()
      })
  }

  #keptOf(job: PlannedJob): Kept {
    const known = this.#kept.get(job.id)
    if (known) return known
    const nameOf = (place: number) => {
      const step = job.instance?.job.steps[place]
      return step ? this.#masker.mask(labelOf(step)) : 'Set up job'
    }
    const kept: Kept = { startedAt: null, finishedAt: null, steps: new StepRecord(nameOf), told: 'pending' }
    this.#kept.set(job.id, kept)
    return kept
  }

  #tell(): void {
    for (const job of this.#jobs) {
      const kept = this.#keptOf(job)
      // That a job is about to begin says nothing beside that it has.
      if (kept.told === job.status || job.status === 'queued' || job.status === 'leased') continue
      kept.told = job.status
      this.#parts.emit({ kind: 'job', id: job.key, name: job.name, status: job.status, reason: job.reason })
    }
  }

  #finish(end: { move: Parameters<typeof nextRunStatus>[1]; reason: string | null }): void {
    this.#isOver = true
    const { request, tree } = this.#parts
    const status = nextRunStatus('running', end.move) ?? nextRunStatus('queued', end.move) ?? 'failed'
    this.#end({
      status,
      reason: end.reason,
      workflow: this.#workflow.name ?? request.file,
      file: request.file,
      event: request.event,
      ref: tree.ref,
      commit: tree.head,
      isDirty: tree.isDirty,
      startedAt: this.#startedAt,
      finishedAt: new Date().toISOString(),
      unmatched: [...this.#unmatched],
      jobs: inOrder(this.#jobs).map((job) => this.#described(job)),
    })
  }

  #described(job: PlannedJob): LocalJob {
    const { startedAt, finishedAt, steps } = this.#keptOf(job)
    const mask = (text: string) => this.#masker.mask(text)
    return {
      id: job.key,
      name: job.name,
      status: job.status,
      reason: job.reason && mask(job.reason),
      startedAt,
      finishedAt,
      outputs: Object.fromEntries(Object.entries(job.outputs).map(([name, value]) => [name, mask(value)])),
      summary: steps.summary,
      steps: steps.steps,
    }
  }
}

/** As the file has them, the jobs of a matrix beside each other. */
function inOrder(jobs: PlannedJob[]): PlannedJob[] {
  const keys = [...new Set(jobs.map(({ key }) => key))]
  return keys.flatMap((key) => latest(jobs, key).toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0)))
}

function workflowOf({ file, text }: LocalRunRequest): Workflow {
  const { workflow, problems } = parseWorkflow(file, text)
  if (workflow) return workflow
  throw new StartError(
    `${file}: ${problems.find(({ severity }) => severity === 'error')?.message ?? 'is no workflow.'}`,
  )
}

/** Only these jobs and what they need; all without any. */
function narrowed(workflow: Workflow, ids: string[]): Workflow {
  if (ids.length === 0) return workflow
  const wanted = new Set(ids.flatMap((id) => [id, ...ancestorsOf(workflow, id)]))
  return { ...workflow, jobs: workflow.jobs.filter(({ id }) => wanted.has(id)) }
}
