import { sentences as ofApplications } from '@juanie/services/applications/sentences'
import { sentences as ofWorkflows } from '@juanie/workflow/sentences'

/** What the server tells of workflows and applications says it in English itself. */
export default { workflow: ofWorkflows, application: ofApplications }
