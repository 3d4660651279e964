import type { StartableWorkflow } from '@juanie/services/runs/contract'

export type DeclaredInput = StartableWorkflow['inputs'][number]

/** What a form begins with, as the texts that the server takes. */
export const defaultsOf = (inputs: readonly DeclaredInput[]): Record<string, string> =>
  Object.fromEntries(
    inputs.map((input) => {
      if (input.default !== undefined) return [input.name, String(input.default)]
      if (input.type === 'boolean') return [input.name, 'false']
      return [input.name, input.type === 'choice' && input.required ? (input.options?.[0] ?? '') : '']
    }),
  )

/** Names of those that must have a value and have none. A default stands in for an empty one, unless it is text. */
export const missingOf = (inputs: readonly DeclaredInput[], values: Readonly<Record<string, string>>): string[] =>
  inputs
    .filter(
      (input) =>
        input.required &&
        (values[input.name] ?? '').trim() === '' &&
        (input.type === 'string' || input.default === undefined),
    )
    .map(({ name }) => name)
