import type { AnnotationView, JobView, StepView } from '@juanie/services/runs/contract'
import { latestJobs } from './jobs.ts'

export interface Note {
  job: JobView
  step: StepView
  annotation: AnnotationView
}

const order = { error: 0, warning: 1, notice: 2 }

/** All annotations: errors first, each in the order in which they were told. */
export const notesOf = (jobs: readonly JobView[]): Note[] =>
  latestJobs(jobs)
    .flatMap((job) => job.steps.flatMap((step) => step.annotations.map((annotation) => ({ job, step, annotation }))))
    .toSorted((a, b) => order[a.annotation.level] - order[b.annotation.level])

export const summariesOf = (jobs: readonly JobView[]): { job: JobView; step: StepView; text: string }[] =>
  latestJobs(jobs).flatMap((job) =>
    job.steps.flatMap((step) => (step.summary?.trim() ? [{ job, step, text: step.summary }] : [])),
  )

export const outputsOf = (jobs: readonly JobView[]): { job: JobView; outputs: [name: string, value: string][] }[] =>
  latestJobs(jobs).flatMap((job) => {
    const outputs = Object.entries(job.outputs)
    return outputs.length > 0 ? [{ job, outputs }] : []
  })
