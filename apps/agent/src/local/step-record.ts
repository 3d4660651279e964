import type { Report } from '@juanie/services/hosts/contract'
import type { LocalJob, LocalStep } from '@juanie/services/local-runs/contract'
import { nextStepStatus, stepMoveOf } from '@juanie/services/runs/status'

type StepReport = Exclude<Report, { kind: 'job.started' | 'job.ended' }>

/** What a job's agent told of its steps, in the order in which they began. */
export class StepRecord {
  readonly #steps = new Map<number, LocalStep>()
  readonly #nameOf: (place: number) => string
  summary = ''

  /** `nameOf` names a step of the file that has not told its name. */
  constructor(nameOf: (place: number) => string) {
    this.#nameOf = nameOf
  }

  get steps(): LocalJob['steps'] {
    return [...this.#steps].toSorted(([a], [b]) => a - b).map(([, step]) => step)
  }

  at(place: number): LocalStep {
    const known = this.#steps.get(place)
    if (known) return known
    const step: LocalStep = {
      name: this.#nameOf(place),
      status: 'pending',
      reason: null,
      exitCode: null,
      startedAt: null,
      finishedAt: null,
      annotations: [],
    }
    this.#steps.set(place, step)
    return step
  }

  /** Answers the step when its status has changed. */
  take(report: StepReport): LocalStep | null {
    const step = this.at(report.step)
    switch (report.kind) {
      case 'step.started':
        Object.assign(step, { name: report.name, startedAt: report.at, status: 'running' })
        return step
      case 'step.annotation': {
        const { level, message, file, line } = report
        step.annotations.push({ level, message, file, line })
        return null
      }
      case 'step.summary':
        this.summary += report.markdown
        return null
      case 'step.ended': {
        const { conclusion, reason, exitCode, at } = report
        const from = step.status === 'pending' && conclusion !== 'skipped' ? 'running' : step.status
        step.status = nextStepStatus(from, stepMoveOf[conclusion]) ?? step.status
        Object.assign(step, { reason, exitCode, finishedAt: at })
        return step
      }
    }
  }
}

export function durationOf(step: LocalStep): number | null {
  return step.startedAt && step.finishedAt ? Date.parse(step.finishedAt) - Date.parse(step.startedAt) : null
}
