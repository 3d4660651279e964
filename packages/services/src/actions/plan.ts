import { isCommitId } from '@juanie/workflow'
import type { ActionPolicy } from './contract.ts'

/** Why an organization does not let its workflows use this; null when it does. */
export function refusalOf(
  policy: ActionPolicy,
  action: { owner: string; name: string; ref: string; isOwn: boolean },
): string | null {
  const shown = `${action.owner}/${action.name}@${action.ref}`
  // What the organization hosts itself is as much its own as the workflow that uses it.
  if (action.isOwn) return null
  if (policy.mode === 'pinned' && !isCommitId(action.ref)) {
    return `The organization allows only actions that are pinned to a commit: write ${action.owner}/${action.name}@ and the full id of 40 digits instead of "${action.ref}".`
  }
  if (policy.mode === 'listed' && !isListed(policy.allowed, action)) {
    return `The organization does not allow ${shown}: an owner adds it with \`juanie org actions --allow ${action.owner}/${action.name}\`.`
  }
  return null
}

function isListed(allowed: readonly string[], { owner, name }: { owner: string; name: string }): boolean {
  return allowed.some((entry) => {
    const [listedOwner = '', listedName = '*'] = entry.toLowerCase().split('/')
    return listedOwner === owner.toLowerCase() && (listedName === '*' || listedName === name.toLowerCase())
  })
}
