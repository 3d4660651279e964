import type { Job, Workflow } from './model.ts'
import type { Problems } from './problems.ts'
import { said } from './sentences.ts'
import type { Node } from './yaml.ts'

/** A job with the places of its `needs`, for messages. */
export interface NeedsOf {
  job: Job
  needs: { text: string; node: Node }[]
}

/** Reports needs that name no job and needs that go round in a circle. */
export function checkNeeds(jobs: NeedsOf[], problems: Problems): void {
  const byId = new Map(jobs.map((each) => [each.job.id, each]))
  for (const { job, needs } of jobs) {
    for (const { text, node } of needs) {
      if (!byId.has(text)) {
        problems.error(node, said('needUnknown', { id: job.id, need: text }))
      }
    }
  }
  const settled = new Set<string>()
  for (const { job } of jobs) visit(job.id, [])

  function visit(id: string, path: string[]): void {
    if (settled.has(id)) return
    const here = [...path, id]
    for (const { text, node } of byId.get(id)?.needs ?? []) {
      const start = here.indexOf(text)
      if (start < 0) visit(text, here)
      else {
        const circle = [...here.slice(start), text].join(' → ')
        problems.error(node, said('needsCircle', { circle }))
      }
    }
    settled.add(id)
  }
}

/** Ids of all jobs that must be over before this one, directly needed or through others. */
export function ancestorsOf(workflow: Workflow, jobId: string): string[] {
  const byId = new Map(workflow.jobs.map((job) => [job.id, job]))
  const found = new Set<string>()
  const pending = [...(byId.get(jobId)?.needs ?? [])]
  while (pending.length > 0) {
    const id = pending.pop()!
    if (found.has(id)) continue
    found.add(id)
    pending.push(...(byId.get(id)?.needs ?? []))
  }
  return workflow.jobs.map((job) => job.id).filter((id) => found.has(id))
}
