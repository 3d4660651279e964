import type { Contexts, Outcome } from './model.ts'

/** How one instance of a job ended. */
export interface InstanceResult {
  outcome: Outcome
  outputs?: Record<string, string>
  /** Whether the evaluated `continue-on-error` of the job held: its failure then counts as success. */
  continueOnError?: boolean
}

type JobResult = NonNullable<Contexts['needs']>[string]

/**
 * The result of a job from its instances, in the order of the matrix: a failure wins over a cancellation, that over
 * success; `skipped` only when all were. Of an output that several instances set, the last that is not empty stays.
 */
export function jobResultOf(instances: InstanceResult[]): JobResult {
  const outcomes = instances.map(({ outcome, continueOnError }) =>
    outcome === 'failure' && continueOnError ? 'success' : outcome,
  )
  const result = (['failure', 'cancelled', 'success'] as const).find((each) => outcomes.includes(each)) ?? 'skipped'
  const outputs = new Map<string, string>()
  for (const instance of instances) {
    for (const [name, value] of Object.entries(instance.outputs ?? {})) {
      if (value !== '' || !outputs.has(name)) outputs.set(name, value)
    }
  }
  return { result, outputs: Object.fromEntries(outputs) }
}

/** The `needs` context of a job that needs these jobs; a job that never ran reads `skipped`. */
export function needsContext(
  needs: string[],
  instances: Record<string, InstanceResult[]>,
): NonNullable<Contexts['needs']> {
  return Object.fromEntries(needs.map((id) => [id, jobResultOf(instances[id] ?? [])]))
}
