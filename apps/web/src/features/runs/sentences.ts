/**
 * What agents and the server say of jobs and steps in English sentences, so that the console can say it in the
 * language of its reader. A sentence that is not here is shown as it came.
 */
export const sentences = [
  { says: /^The command ended with exit code (?<code>\d+)\.$/, key: 'exitCode' },
  {
    says: /^"(?<tool>[^"]+)" is not on this machine\. Add a step before it that brings it, such as uses: (?<action>.+)\.$/,
    key: 'toolByAction',
  },
  { says: /^"(?<tool>docker)" is not on this machine\. It needs the Docker executor; .*\.$/, key: 'toolDocker' },
  { says: /^"(?<tool>[^"]+)" is not on this machine\. .*\.$/, key: 'tool' },
  { says: /^The command was ended by (?<signal>SIG\w+)\.$/, key: 'signal' },
  { says: /^The step took longer than its timeout-minutes of (?<minutes>[\d.]+)\.$/, key: 'stepTimeout' },
  { says: /^The job took longer than its limit of (?<seconds>[\d.]+) s\.$/, key: 'jobTimeout' },
  { says: /^The files of the job grew beyond the size limit of a workspace\.$/, key: 'workspace' },
] as const

export type SaidKey = (typeof sentences)[number]['key']

/** The keys that the server gives for why a run, a job or a step stands as it does. */
export const reasonKeys = [
  'job.canceled',
  'job.ended',
  'job.fail_fast',
  'job.failed',
  'job.unclaimed',
  'job.lost',
  'job.max_parallel',
  'job.concurrency',
  'job.superseded',
  'job.called_failed',
  'run.concurrency',
  'run.superseded',
  'workflow.needs_docker',
  'job.repeated',
  'job.timed_out',
  'run.all_skipped',
  'run.canceled',
  'workflow.invalid',
] as const

/** The reason of a job begins with the name of the step that failed. */
export const withoutStep = (reason: string, steps: readonly string[]): string => {
  const step = steps.find((name) => reason.startsWith(`${name}: `))
  return step === undefined ? reason : reason.slice(step.length + 2)
}

/** The deployment that a deploy step waited for and that did not succeed. */
export function deploymentOf(message: string): { number: number; environment: string; status: string } | null {
  const found = /^Deployment (\d{1,9}) to ([\w-]{1,63}): (\w+)\./.exec(message)
  return found && { number: Number(found[1]), environment: found[2]!, status: found[3]! }
}

/** What a sentence says, as a key and its values. */
export function saidBy(sentence: string): { key: SaidKey; values: Record<string, string> } | null {
  for (const { says, key } of sentences) {
    const found = says.exec(sentence)
    if (found) return { key, values: { ...found.groups } }
  }
  return null
}
