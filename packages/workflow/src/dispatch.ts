import { typedInput } from './inputs.ts'
import type { Problem, Workflow } from './model.ts'
import type { Said } from './say.ts'
import { said, sentenceOf } from './sentences.ts'

/**
 * The `inputs` context of a run started by hand, from texts as a form or a command line has them. Problems name the
 * input; with any error `inputs` must not be used. Inputs without value or default are '' (false for a boolean).
 */
export function dispatchInputs(
  workflow: Workflow,
  given: Record<string, string>,
): { inputs: Record<string, string | boolean | number>; problems: Problem[] } {
  const declared = workflow.on.workflowDispatch
  const problems: Problem[] = []
  const refuse = (fault: Said) =>
    problems.push({ severity: 'error', file: '', position: null, message: sentenceOf(fault), ...fault })
  if (!declared) {
    refuse(said('notByHand'))
    return { inputs: {}, problems }
  }
  const known = Object.keys(declared.inputs)
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    refuse(known.length > 0 ? said('noInput', { name, known: known.join(', ') }) : said('noInputs', { name }))
  }
  const inputs = known.map((name): [string, string | boolean | number] => {
    const input = declared.inputs[name]!
    const text = Object.hasOwn(given, name) ? given[name]! : undefined
    if (text === undefined || (text === '' && input.type !== 'string')) {
      if (input.default !== undefined) return [name, input.default]
      if (input.required) refuse(said('inputWanted', { name }))
      return [name, input.type === 'boolean' ? false : '']
    }
    if (text === '' && input.required) refuse(said('inputWanted', { name }))
    const { value, fault } = typedInput(input, text)
    if (fault !== undefined) refuse(said('inputUnfit', { name, fault }))
    return [name, value ?? text]
  })
  return { inputs: Object.fromEntries(inputs), problems }
}
