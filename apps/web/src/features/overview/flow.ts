import type { EnvironmentOverview, Overview } from './useOverview.ts'

/** What somebody may want to do with an environment next. */
export type Step =
  | { kind: 'deploy'; environment: string; release: number }
  /** It came to nothing there the last time. */
  | { kind: 'again'; environment: string; release: number }
  | { kind: 'promote'; environment: string; to: string; release: number }

export interface Place {
  environment: EnvironmentOverview
  /** Word of `status.*` for its health: one that was never deployed to misses nothing. */
  health: string
  /** So many releases are newer than the one that serves. */
  behind: number
  next: Step | null
  /** The attempt that came to nothing, when nothing newer is on its way. */
  failed: EnvironmentOverview['failed']
}

export interface Flow {
  places: Place[]
  /** The step that brings the newest release on: the first there is. */
  lead: Step | null
}

type Known = Pick<Overview, 'release' | 'environments'>

/** Which release is where, and what brings it on. */
export function flowOf({ release, environments }: Known): Flow {
  const places = environments.map((environment, index): Place => {
    const { serving, open, failed } = environment
    return {
      environment,
      health: healthOf(environment),
      behind: release && serving ? Math.max(0, release.number - serving.release.number) : 0,
      next: nextOf(environments, index, release),
      failed: open === null ? failed : null,
    }
  })
  return { places, lead: places.find(({ next }) => next !== null && next.kind !== 'again')?.next ?? null }
}

/** An environment without any attempt has no health to miss. */
const healthOf = ({ health, serving, open, failed }: EnvironmentOverview): string =>
  health === 'missing' && !serving && !open && !failed ? 'never' : health

function nextOf(all: EnvironmentOverview[], index: number, release: Known['release']): Step | null {
  const environment = all[index]!
  const deploy = deployStep(environment, { release, isFirst: index === 0 })
  const isAgain = environment.failed?.release.id === release?.id && environment.failed?.status !== 'canceled'
  if (deploy && !isAgain) return { kind: 'deploy', ...deploy }
  return promoteStep(environment, all, index) ?? (deploy && { kind: 'again', ...deploy })
}

/** The newest release belongs where new ones arrive, unless it is there or on its way. */
function deployStep(
  { name, follows, serving, open }: EnvironmentOverview,
  at: { release: Known['release']; isFirst: boolean },
): { environment: string; release: number } | null {
  if (!at.release || !(at.isFirst || follows !== null)) return null
  if (at.release.id === serving?.release.id || at.release.id === open?.release.id) return null
  return { environment: name, release: at.release.number }
}

/** What was kept here goes on to the next place that has another one. */
function promoteStep(from: EnvironmentOverview, all: EnvironmentOverview[], index: number): Step | null {
  const { name, serving, position } = from
  const next = all.slice(index + 1).find((one) => one.position > position)
  // While it soaks it is not kept, and a promotion would take the one before.
  if (!next || serving?.status !== 'succeeded') return null
  const { id, number } = serving.release
  if (next.serving?.release.id === id || next.open?.release.id === id) return null
  if (next.serving && next.serving.release.number > number) return null
  return { kind: 'promote', environment: name, to: next.name, release: number }
}

/** Whether somebody should look at the project. */
export const isFailing = ({ run, environments }: Pick<Overview, 'run' | 'environments'>): boolean =>
  (run !== null && ['failed', 'invalid', 'timed_out'].includes(run.status)) ||
  environments.some(
    ({ health, failed, open }) =>
      health === 'degraded' || (failed !== null && open === null && failed.status !== 'canceled'),
  )
