const words: Record<string, string> = {
  'job.canceled': 'a job was canceled',
  'job.fail_fast': 'another job of the matrix failed, and fail-fast is on',
  'job.failed': 'a job failed',
  'job.unclaimed': 'no agent took the job within 24 hours',
  'job.lost': 'the machine of a job was lost',
  'job.max_parallel': 'as many jobs of the matrix run as max-parallel allows',
  'job.repeated': 'its machine was lost, so it is repeated',
  'job.timed_out': 'a job took longer than its timeout-minutes',
  'run.all_skipped': 'every job was skipped',
  'run.canceled': 'somebody canceled it',
  'workflow.invalid': 'the workflow cannot be run, see below',
}

/** Why a run, a job or a step stands as it does: words for the server's keys, anything else as it came. */
export const reasonOf = (reason: string): string => (Object.hasOwn(words, reason) ? words[reason]! : reason)
