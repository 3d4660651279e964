/** Reason of a job whose workflow must be fetched before it can be planned. */
export const calledUnknown = 'job.workflow_unknown'

/** Reason of a job that called a workflow whose jobs are not over. */
export const calling = 'job.calling'
