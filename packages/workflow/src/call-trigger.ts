import { typedInput } from './inputs.ts'
import type { CallInput, CallTrigger } from './model.ts'
import type { Problems } from './problems.ts'
import { entriesOf } from './read.ts'
import { said } from './sentences.ts'
import { hasExpression } from './template.ts'
import { child, type Node, scalarText } from './yaml.ts'

const types = ['string', 'boolean', 'number'] as const

/** Reads what stands under `workflow_call`. */
export function readCallTrigger(node: Node | undefined, problems: Problems): CallTrigger {
  const trigger: CallTrigger = { inputs: {}, secrets: {}, outputs: {} }
  for (const { name, key, value } of entriesOf(child(node, 'inputs'))) {
    if (!/^[A-Za-z_][\w-]{0,99}$/.test(name)) {
      problems.error(key, said('inputName', { name: name.slice(0, 80) }))
    }
    trigger.inputs[name] = readInput(name, value, problems)
  }
  for (const { name, value } of entriesOf(child(node, 'secrets'))) {
    const required = child(value, 'required')
    trigger.secrets[name] = { required: required?.kind === 'scalar' && required.value === true }
  }
  for (const { name, key, value } of entriesOf(child(node, 'outputs'))) {
    const text = scalarText(child(value, 'value'))
    if (text === undefined) problems.error(key, said('outputValue', { name: name.slice(0, 80) }))
    else trigger.outputs[name] = text
  }
  return trigger
}

function readInput(name: string, node: Node, problems: Problems): CallInput {
  const typeNode = child(node, 'type')
  const written = scalarText(typeNode) ?? ''
  const type = types.find((each) => each === written)
  if (!type) {
    problems.error(typeNode ?? node, said('inputTypeMissing', { name: name.slice(0, 80), known: types.join(', ') }))
  }
  const required = child(node, 'required')
  const input: CallInput = {
    type: type ?? 'string',
    required: required?.kind === 'scalar' && required.value === true,
  }
  const given = child(node, 'default')
  if (given?.kind !== 'scalar' || given.value === null) return input
  const text = String(given.value)
  if (hasExpression(text)) return { ...input, default: text }
  const { value, fault } = typedInput(input, text)
  if (fault !== undefined) problems.error(given, said('defaultUnfit', { fault }))
  else input.default = value
  return input
}
