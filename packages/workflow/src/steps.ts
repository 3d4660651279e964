import type { Step } from './model.ts'
import { readInputsOf, readUses } from './native-actions.ts'
import type { Problems } from './problems.ts'
import { idFault, readCondition, readFlag, readMinutes, readShell, readTemplates } from './read.ts'
import { entry, type Node, scalarText } from './yaml.ts'

const maxSteps = 1000

const unsupported = {
  parallel: 'Parallel steps are not supported yet; write the steps one after another, or use several jobs.',
  background: 'Background steps are not supported yet; start the program in the script itself, or use several jobs.',
  wait: 'Background steps, and so waiting for them, are not supported yet.',
  'wait-all': 'Background steps, and so waiting for them, are not supported yet.',
  cancel: 'Background steps, and so cancelling them, are not supported yet.',
}

export function readSteps(node: Node | undefined, problems: Problems): Step[] {
  if (node?.kind !== 'sequence') return []
  if (node.items.length > maxSteps) {
    problems.error(node, `The job has ${node.items.length} steps; at most ${maxSteps} are allowed.`)
    return []
  }
  const ids = new Set<string>()
  return node.items.flatMap((item) => {
    const step = readStep(item, problems)
    if (step?.id !== undefined) {
      const at = entry(item, 'id')?.value ?? item
      const fault = idFault(step.id)
      if (fault) problems.error(at, fault)
      else if (ids.has(step.id.toLowerCase()))
        problems.error(at, `The id '${step.id}' is used by an earlier step of this job; choose another.`)
      ids.add(step.id.toLowerCase())
    }
    return step ? [step] : []
  })
}

function readStep(node: Node, problems: Problems): Step | null {
  if (node.kind !== 'mapping') return null
  for (const [key, message] of Object.entries(unsupported)) {
    const found = entry(node, key)
    if (found) problems.error(found.key, message)
  }
  const at = (key: string) => entry(node, key)?.value
  const name = scalarText(at('name'))
  const id = scalarText(at('id'))
  const timeoutMinutes = readMinutes(at('timeout-minutes'), problems)
  const common = {
    ...(id !== undefined && { id }),
    ...(name !== undefined && { name }),
    if: readCondition(at('if'), 'step-if', problems),
    env: readTemplates(at('env'), 'env', problems),
    continueOnError: readFlag(at('continue-on-error')) ?? false,
    ...(timeoutMinutes !== undefined && { timeoutMinutes }),
    position: node.range.start,
  }
  const uses = at('uses')
  if (uses) {
    const spec = readUses(uses, problems)
    if (!spec) return null
    const inputs = readInputsOf(spec, at('with'), problems)
    for (const name of spec.required ?? []) {
      if (!inputs[name]?.trim()) problems.error(uses, `The input '${name}' is missing; write it under 'with:'.`)
    }
    return { kind: 'action', ...common, action: spec.action, uses: scalarText(uses) ?? '', with: inputs }
  }
  const run = scalarText(at('run'))
  if (run === undefined) return null
  const shell = readShell(at('shell'), problems)
  const workingDirectory = scalarText(at('working-directory'))
  return {
    kind: 'run',
    ...common,
    run,
    ...(shell !== undefined && { shell }),
    ...(workingDirectory !== undefined && { workingDirectory }),
  }
}
