import { actionModes } from '@juanie/services/actions/contract'
import { sentences as applicationSentences } from '@juanie/services/applications/sentences'
import {
  changeSettings,
  changeSubjects,
  deploymentKinds,
  deploymentOutcomes,
  deploymentStatuses,
  waitKeys,
  whyKeys,
} from '@juanie/services/deployments/contract'
import { healths, syncs } from '@juanie/services/environments/contract'
import { instanceStates } from '@juanie/services/hosts/contract'
import { roles } from '@juanie/services/organizations/policy'
import { jobStatuses, runEvents, runStatuses, stepStatuses, waitingKinds } from '@juanie/services/runs/contract'
import { runGroups } from '@juanie/services/runs/status'
import { sentences as workflowSentences } from '@juanie/workflow/sentences'
import { expiries } from '../features/account/expiry.ts'
import { agentSentences } from '../features/deployments/agent-words.ts'
import { kinds } from '../features/events/kinds.ts'
import { jobEnds, plainTypes, runEnds, healths as toldHealths } from '../features/events/sentence.ts'
import { nextSteps } from '../features/home/matter.ts'
import { templateOrder } from '../features/projects/templates.ts'
import { nextKinds } from '../features/runs/next.ts'
import { reasonKeys, sentences } from '../features/runs/sentences.ts'

/**
 * The keys that the code makes from a word of a closed list, `*` being the word: their catalogue must have every word.
 * A key that is made from something else cannot be checked, and is not allowed.
 */
export const vocabularies: Record<string, readonly string[]> = {
  'status.*': [
    ...runStatuses,
    ...jobStatuses,
    ...stepStatuses,
    ...deploymentStatuses,
    ...healths,
    ...syncs,
    ...instanceStates,
    // Outcomes of a job as other jobs see it.
    ...['success', 'failure', 'cancelled', 'skipped'],
    // Of instances, hosts and the console's own connection.
    ...['starting', 'stopped', 'lost', 'live', 'away', 'never_seen', 'connecting'],
    ...['never', 'missing', 'unknown'],
  ],
  'deployments.change.*': changeSubjects.filter((subject) => subject !== 'setting'),
  'deployments.setting.*': changeSettings,
  'deployments.by.*': deploymentKinds,
  'deployments.why.*': whyKeys,
  'deployments.todo.*': whyKeys,
  'deployments.outcome.*': ['open', 'succeeded', 'failed', 'withdrawn'],
  'deployments.stageName.*': [...deploymentOutcomes.open],
  'deployments.stageState.*': ['done', 'current', 'failed', 'ahead'],
  'deployments.wait.*': waitKeys,
  'deployments.end.*': waitKeys,
  'deployments.agent.*': agentSentences.map(({ key }) => key),
  'deployments.order.*': ['startFirst', 'stopFirst'],
  'deployments.rollback.ways.*': ['snapshot', 'current'],
  'deployments.rollback.explained.*': ['snapshot', 'current'],
  'events.kinds.*': kinds,
  'events.puts.*': ['deploy', 'promotion', 'rollback'],
  'events.roles.*': roles,
  'events.says.*': plainTypes.map((type) => type.replace('.', '_')),
  'events.ran.*': runEnds,
  'events.worked.*': jobEnds,
  'events.health.*': toldHealths,
  'runs.group.*': Object.keys(runGroups),
  'runs.event.*': runEvents,
  'runs.waits.*': waitingKinds,
  'runs.ends.*': waitingKinds,
  'runs.why.*': reasonKeys.map((reason) => reason.replace('.', '_')),
  'runs.said.*': sentences.map(({ key }) => key),
  'problems.workflow.*': Object.keys(workflowSentences),
  'problems.application.*': Object.keys(applicationSentences),
  'runs.next.*': nextKinds,
  'runs.view.*': ['jobs', 'notes', 'tests', 'artifacts', 'workflow'],
  'account.expiry.*': expiries,
  'members.roles.*': roles,
  'members.actions.modes.*': actionModes,
  'members.may.*': roles,
  'hosts.isolation.*': ['isolated', 'separate', 'trusted'],
  'hosts.isolationText.*': ['isolated', 'separate', 'trusted'],
  'queues.*.title': ['waiting', 'active', 'failed'],
  'queues.*.empty': ['waiting', 'active', 'failed'],
  'projects.templates.*.name': templateOrder,
  'projects.templates.*.text': templateOrder,
  'home.next.*': nextSteps,
  'nav.palette.groups.*': ['go', 'do', 'projects', 'recent'],
  'nav.theme.*': ['system', 'light', 'dark'],
  'nav.connection.*': ['connecting', 'live', 'lost'],
  'common.units.*': ['ms', 's', 'min', 'h'],
  'environments.tabs.*': ['overview', 'log', 'variables', 'settings'],
  'environments.setting.*.label': ['replicas', 'healthy', 'soakMs', 'drainMs', 'startLimitMs', 'probeTimeoutMs'],
  'environments.setting.*.hint': ['replicas', 'healthy', 'soakMs', 'drainMs', 'startLimitMs', 'probeTimeoutMs'],
  'environments.traffic.range.*': ['1h', '6h', '24h'],
  'variables.kind.*': ['variable', 'secret'],
  'variables.twin.*': ['variable', 'secret'],
  'variables.set.new.*': ['variable', 'secret'],
  'variables.set.change.*': ['variable', 'secret'],
  'variables.remove.title.*': ['variable', 'secret'],
  'variables.name.*': ['characters', 'reserved', 'long'],
  'variables.value.*': ['large', 'nul'],
  'releases.diff.*': ['added', 'removed'],
  'releases.outline.kind.*': ['server', 'worker', 'job'],
}
