import { AppError } from '@juanie/core/errors'
import { storable } from '@juanie/core/text'
import type { Said } from '@juanie/workflow/say'
import type { Problem } from './contract.ts'
import { sentenceOf } from './sentences.ts'

/** Where something stands in a description. Lines and columns count from one; 0 is the file as a whole. */
export interface At {
  file: string
  line: number
  column: number
}

export interface Finding {
  reason?: string
  at?: At
  said: Said
}

/** A description with a thousand mistakes is told about the first hundred. */
const most = 100

/** Collects what is wrong, so that a person sees every mistake at once and not one a try. */
export class Problems {
  readonly list: Problem[] = []

  error(finding: Finding): void {
    this.#add('error', finding)
  }

  warn(finding: Finding): void {
    this.#add('warning', finding)
  }

  get hasErrors(): boolean {
    return this.list.some((problem) => problem.severity === 'error')
  }

  #add(severity: Problem['severity'], { reason = 'application.invalid', at, said }: Finding): void {
    if (this.list.length >= most) return
    const place = { file: at?.file ?? null, line: at?.line || null, column: at?.column || null }
    const fault = storable(said)
    const message = sentenceOf(fault)
    const problem = { severity, reason, message, ...fault, ...place }
    const same = this.list.some((p) => p.message === message && p.file === place.file && p.line === place.line)
    if (!same) this.list.push(problem)
  }
}

const told = ({ file, line, message }: Problem): string =>
  file === null ? message : `${file}${line === null ? '' : `:${line}`}: ${message}`

/** The refusal of a description. Its reason is that of the first error; all of them are in `details.problems`. */
export function refusal(problems: readonly Problem[], details: Record<string, unknown> = {}): AppError {
  const errors = problems.filter((problem) => problem.severity === 'error')
  // The reason is that of what was found first, since the rest may follow from it; people read from top to bottom.
  const [first] = errors
  errors.sort((a, b) => (a.file ?? '').localeCompare(b.file ?? '', 'en') || (a.line ?? 0) - (b.line ?? 0))
  return new AppError('invalid', first?.reason ?? 'application.invalid', {
    message: errors.map(told).join('\n') || 'The description of the application is not valid.',
    details: { ...details, problems: errors },
  })
}
