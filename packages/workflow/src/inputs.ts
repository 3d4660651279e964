import type { DispatchInput } from './model.ts'
import type { Problems } from './problems.ts'
import { entriesOf, readTexts } from './read.ts'
import type { Said } from './say.ts'
import { said } from './sentences.ts'
import { child, type Node, scalarText } from './yaml.ts'

const inputTypes = ['string', 'boolean', 'number', 'choice', 'environment'] as const
const inputKeys = ['type', 'required', 'default', 'description', 'options', 'deprecationMessage', 'deprecation-message']

export function readInputs(node: Node | undefined, problems: Problems): Record<string, DispatchInput> {
  if (node && node.kind !== 'mapping' && !(node.kind === 'scalar' && node.value === null)) {
    problems.error(node, said('dispatchKind'))
  }
  for (const { name, key } of entriesOf(node)) {
    if (name !== 'inputs') problems.error(key, said('dispatchKey', { name: name.slice(0, 80) }))
  }
  return Object.fromEntries(
    entriesOf(child(node, 'inputs')).map(({ name, key, value }) => {
      if (!/^[A-Za-z_][\w-]{0,99}$/.test(name)) {
        problems.error(key, said('inputName', { name: name.slice(0, 80) }))
      }
      return [name, readInput(value, problems)]
    }),
  )
}

function readInput(node: Node, problems: Problems): DispatchInput {
  for (const { name, key } of entriesOf(node)) {
    if (!inputKeys.includes(name)) problems.error(key, said('inputKey', { name: name.slice(0, 80) }))
  }
  const typeNode = child(node, 'type')
  const written = scalarText(typeNode) ?? 'string'
  const type = inputTypes.find((each) => each === written)
  if (!type)
    problems.error(typeNode ?? node, said('inputType', { type: written.slice(0, 80), known: inputTypes.join(', ') }))
  const required = child(node, 'required')
  if (required && (required.kind !== 'scalar' || typeof required.value !== 'boolean')) {
    problems.error(required, said('inputRequired'))
  }
  const input: DispatchInput = {
    type: type ?? 'string',
    required: required?.kind === 'scalar' && required.value === true,
  }
  const description = scalarText(child(node, 'description'))
  if (description !== undefined) input.description = description
  if (input.type === 'choice') {
    input.options = readTexts(child(node, 'options')).map(({ text }) => text)
    if (input.options.length === 0) problems.error(node, said('inputOptions'))
  }
  const given = child(node, 'default')
  if (given?.kind === 'scalar' && given.value !== null) {
    const { value, fault } = typedInput(input, String(given.value))
    if (fault) problems.error(given, said('defaultUnfit', { fault }))
    else input.default = value
  }
  return input
}

/** The value of an input from its text form; `fault` says what it must be. */
export function typedInput(
  input: Pick<DispatchInput, 'type' | 'options'>,
  text: string,
): { value: string | number | boolean; fault?: undefined } | { value?: undefined; fault: Said } {
  if (input.type === 'boolean') {
    return text === 'true' || text === 'false' ? { value: text === 'true' } : { fault: said('mustBeFlag') }
  }
  if (input.type === 'number') {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    return Number.isFinite(value) ? { value } : { fault: said('mustBeNumber') }
  }
  if (input.type === 'choice' && !input.options?.includes(text)) {
    return { fault: said('mustBeOneOf', { known: input.options?.join(', ') ?? '' }) }
  }
  return { value: text }
}
