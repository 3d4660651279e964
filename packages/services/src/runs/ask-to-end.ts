import { isBegunCall } from './calls.ts'
import { move, type PlannedJob } from './plan.ts'
import { isJobHeld } from './status.ts'

/**
 * A run is told to end: what waits for a machine is canceled, what runs is told to. A job that waits for others is left
 * to its condition, which may want it to run all the same; with `all` it is canceled too.
 */
export function askToEnd(jobs: PlannedJob[], { all }: { all: boolean }): void {
  for (const job of jobs) {
    if (isJobHeld(job.status)) job.stop = job.cancelReason = 'canceled'
    else if (
      job.status === 'queued' ||
      (job.status === 'pending' && !isBegunCall(job) && (all || job.instance !== null))
    ) {
      move(job, 'cancel', 'run.canceled')
    }
  }
}
