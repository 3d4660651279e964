import { AppError } from '@juanie/core/errors'
import { type Problem, parseWorkflow } from '@juanie/workflow'
import type { Said } from '@juanie/workflow/say'
import { said, sentenceOf } from '@juanie/workflow/sentences'
import type { Pipelines, WorkflowAt } from '../pipelines/index.ts'
import { calledKey, callFaults } from './calls.ts'
import type { CalledText, CalledWorkflows, WantedWorkflow } from './plan-input.ts'

const maxLocal = 50

/**
 * The workflows of the same commit that a workflow calls, directly or through others, and what is wrong with the calls.
 * Those of other repositories are fetched later.
 */
export async function localCalls(
  pipelines: Pick<Pipelines, 'fileAt'>,
  at: { repositoryId: string; commit: string; workflows: WorkflowAt[] },
  root: WorkflowAt,
): Promise<{ called: CalledWorkflows; problems: Problem[] }> {
  const called: CalledWorkflows = {}
  const problems: Problem[] = []
  const pending = [root]
  for (let from = pending.pop(); from; from = pending.pop()) {
    for (const { call } of from.parsed.workflow?.jobs ?? []) {
      const found = call && calledKey(call.uses, null)
      if (!call || !found || found.wanted) continue
      const refuse = (fault: Said) =>
        problems.push({
          severity: 'error',
          file: from.file,
          position: call.position,
          message: sentenceOf(fault),
          ...fault,
        })
      const path = found.key.slice(2)
      const known = called[found.key]
      const target =
        at.workflows.find(({ file }) => file === path) ?? (await pipelines.fileAt(at.repositoryId, at.commit, path))
      if (!target) refuse(said('calledMissing', { path }))
      else if (!target.parsed.workflow) {
        refuse(said('calledInvalid', { path }))
        if (!known) problems.push(...target.parsed.problems.filter(({ severity }) => severity === 'error'))
      } else for (const fault of callFaults(call, target.parsed.workflow)) refuse(fault)
      if (!target || known) continue
      if (Object.keys(called).length >= maxLocal) {
        refuse(said('calledMany', { most: maxLocal }))
        return { called, problems }
      }
      called[found.key] = { file: target.file, text: target.text, fault: null, commit: null }
      pending.push(target)
    }
  }
  return { called, problems: problems.slice(0, 100) }
}

interface Sources {
  resolve(wanted: { owner: string; name: string; ref: string }): Promise<{ commit: string }>
  read(wanted: { owner: string; name: string; commit: string; path: string }): Promise<string | null>
}

/** A workflow of another repository, or why there is none. Throws `unavailable` as the sources do. */
export async function calledText(sources: Sources, wanted: WantedWorkflow): Promise<CalledText> {
  const { owner, name, ref, path, key } = wanted
  const refused = (fault: string): CalledText => ({ file: key, text: null, fault, commit: null })
  try {
    const { commit } = await sources.resolve({ owner, name, ref })
    const text = await sources.read({ owner, name, commit, path })
    if (text === null) return { ...refused(`${owner}/${name} has no file ${path} at ${ref}.`), commit }
    const first = parseWorkflow(key, text).problems.find(({ severity }) => severity === 'error')
    const place = first?.position ? `:${first.position.line}:${first.position.column}` : ''
    return { file: key, text, fault: first ? `${key}${place}: ${first.message}` : null, commit }
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'unavailable') throw error
    return refused(error.message)
  }
}
