/**
 * What is told to people has a key and values, and from them a sentence in each language. English stands in a table of
 * templates beside the code that tells it, in the form that the console's message reader takes: `{name}` is a value, and
 * what has a meaning for that reader stands in `{'…'}`.
 */
export interface Said {
  key: string
  values: SaidValues
}
/** A value may be told itself: what must be different of an input, within what is said of its default. */
export type SaidValues = { [name: string]: string | number | Said }

/** The names of the values in a template. */
type Names<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `'${string}` ? never : Name) | Names<Rest>
  : never

type Given<Template extends string> = [Names<Template>] extends [never]
  ? []
  : [values: { [name in Names<Template>]: string | number | Said }]

type Say<Table extends Record<string, string>> = <Key extends keyof Table & string>(
  key: Key,
  ...given: Given<Table[Key]>
) => Said

/** The two ways to use a table: `said` names a sentence with its values, `sentenceOf` gives it in English. */
export function tellingFrom<const Table extends Record<string, string>>(table: Table) {
  const said: Say<Table> = (key, ...[values]) => ({ key, values: (values as SaidValues | undefined) ?? {} })
  const sentenceOf = ({ key, values }: Said): string =>
    (table[key] ?? '').replace(/\{'([^']*)'\}|\{(\w+)\}/g, (_, literal: string | undefined, name: string) => {
      if (literal !== undefined) return literal
      const value = values[name]!
      return typeof value === 'object' ? sentenceOf(value) : String(value)
    })
  return { said, sentenceOf }
}
