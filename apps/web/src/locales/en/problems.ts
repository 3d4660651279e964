import { sentences as ofWorkflows } from '@juanie/workflow/sentences'

/** What the server tells of workflows says it in English itself. */
export default { workflow: ofWorkflows }
