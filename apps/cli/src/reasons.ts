const words: Record<string, string> = {
  'job.called_failed': 'a job that it called failed',
  'job.canceled': 'a job was canceled',
  'job.concurrency': 'another of its concurrency group runs',
  'job.ended': 'the job ended before this step did',
  'job.fail_fast': 'another job of the matrix failed, and fail-fast is on',
  'job.failed': 'a job failed',
  'job.unclaimed': 'no agent took the job within 24 hours',
  'job.lost': 'the machine of a job was lost',
  'job.max_parallel': 'as many jobs of the matrix run as max-parallel allows',
  'job.repeated': 'its machine was lost, so it is repeated',
  'job.superseded': 'a newer one of its concurrency group took its place',
  'job.timed_out': 'a job took longer than its timeout-minutes',
  'run.all_skipped': 'every job was skipped',
  'run.canceled': 'somebody canceled it',
  'run.concurrency': 'another run of its concurrency group runs',
  'run.superseded': 'a newer run of its concurrency group took its place',
  'workflow.invalid': 'the workflow cannot be run, see below',
  'workflow.needs_docker': 'its jobs need the Docker executor',
}

/** Why a run, a job or a step stands as it does: words for the server's keys, anything else as it came. */
export const reasonOf = (reason: string): string => (Object.hasOwn(words, reason) ? words[reason]! : reason)

/** How a run ended, as the end of a sentence. */
export const endOf = (status: string): string =>
  status === 'canceled' || status === 'lost' ? `was ${status}` : `has ${status.replace('_', ' ')}`
