import { data } from '@actions/expressions'
import { equals } from '@actions/expressions/result'
import { characterFault } from './characters.ts'
import { Conversion, type Data, isPrimitive, isTruthy, toPlain, toText } from './expression-data.ts'

/** Characters that a function may build: nested calls of format() would otherwise double a text fifty times. */
const maxTextLength = 10 * 1024 * 1024

const tooLong = 'The expression makes a text of more than 10 MiB.'

export class FunctionError extends Error {}

export interface LanguageFunction {
  name: string
  minArgs: number
  maxArgs: number
  call(...args: Data[]): Data
}

const text = (value: string) => new data.StringData(bounded(value))
const truth = (value: boolean) => new data.BooleanData(value)

function bounded(value: string): string {
  if (value.length > maxTextLength) throw new FunctionError(tooLong)
  return value
}

/**
 * The functions every place has. They stand here rather than in the library because its `format` and `join` build
 * texts without bound, its `fromJSON` quotes the input (which may be a secret) in its error, and its dictionaries
 * lose a key named `constructor`.
 */
export const generalFunctions: LanguageFunction[] = [
  { name: 'contains', minArgs: 2, maxArgs: 2, call: (search, item) => truth(contains(search!, item!)) },
  {
    name: 'startsWith',
    minArgs: 2,
    maxArgs: 2,
    call: (whole, part) => truth(compareEnds(whole!, part!, 'startsWith')),
  },
  { name: 'endsWith', minArgs: 2, maxArgs: 2, call: (whole, part) => truth(compareEnds(whole!, part!, 'endsWith')) },
  { name: 'format', minArgs: 1, maxArgs: 255, call: (pattern, ...values) => text(format(toText(pattern!), values)) },
  { name: 'join', minArgs: 1, maxArgs: 2, call: (list, separator) => text(join(list!, separator)) },
  { name: 'toJSON', minArgs: 1, maxArgs: 1, call: (value) => text(JSON.stringify(toPlain(value!), null, 2) ?? 'null') },
  { name: 'fromJSON', minArgs: 1, maxArgs: 1, call: (value) => fromJson(toText(value!)) },
  { name: 'case', minArgs: 3, maxArgs: 255, call: choose },
]

function contains(search: Data, item: Data): boolean {
  if (search instanceof data.Array) return search.values().some((each) => equals(item, each))
  if (!isPrimitive(search) || !isPrimitive(item)) return false
  return toText(search).toLowerCase().includes(toText(item).toLowerCase())
}

function compareEnds(whole: Data, part: Data, end: 'startsWith' | 'endsWith'): boolean {
  if (!isPrimitive(whole) || !isPrimitive(part)) return false
  return toText(whole).toUpperCase()[end](toText(part).toUpperCase())
}

function join(list: Data, separator: Data | undefined): string {
  if (isPrimitive(list)) return toText(list)
  if (!(list instanceof data.Array)) return ''
  const between = separator && isPrimitive(separator) ? toText(separator) : ','
  const parts = list.values().map(toText)
  const length = parts.reduce((sum, part) => sum + part.length, 0) + between.length * Math.max(0, parts.length - 1)
  if (length > maxTextLength) throw new FunctionError(tooLong)
  return parts.join(between)
}

function format(pattern: string, values: Data[]): string {
  const parts: string[] = []
  let length = 0
  const add = (part: string) => {
    length += part.length
    if (length > maxTextLength) throw new FunctionError(tooLong)
    parts.push(part)
  }
  for (let index = 0; index < pattern.length; ) {
    const char = pattern[index]!
    if (char !== '{' && char !== '}') {
      let end = index + 1
      while (end < pattern.length && pattern[end] !== '{' && pattern[end] !== '}') end++
      add(pattern.slice(index, end))
      index = end
    } else if (pattern[index + 1] === char) {
      add(char)
      index += 2
    } else {
      const close = pattern.indexOf('}', index)
      const number = close < 0 ? '' : pattern.slice(index + 1, close)
      if (char === '}' || !/^\d{1,3}$/.test(number)) {
        throw new FunctionError("format() has a brace that is neither doubled nor a number in braces such as '{0}'.")
      }
      const value = values[Number(number)]
      if (!value) throw new FunctionError(`format() refers to '{${number}}' but was given ${values.length} values.`)
      add(toText(value))
      index = close + 1
    }
  }
  return parts.join('')
}

function fromJson(json: string): Data {
  if (json.trim() === '') throw new FunctionError('fromJSON() was given an empty text.')
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new FunctionError('fromJSON() was given a text that is not JSON.')
  }
  const fault = faultWithin(value)
  if (fault) throw new FunctionError(`fromJSON() was given a text that holds ${fault}.`)
  return new Conversion().toData(value)
}

/** JSON can write by escapes what no text of a workflow may hold. */
function faultWithin(value: unknown): string | null {
  if (typeof value === 'string') return characterFault(value)
  if (typeof value !== 'object' || value === null) return null
  for (const [name, inner] of Object.entries(value)) {
    const fault = characterFault(name) ?? faultWithin(inner)
    if (fault) return fault
  }
  return null
}

function choose(...args: Data[]): Data {
  for (let index = 0; index + 1 < args.length; index += 2) {
    const predicate = args[index]!
    if (!(predicate instanceof data.BooleanData)) {
      throw new FunctionError('Each condition of case() must be true or false.')
    }
    if (isTruthy(predicate)) return args[index + 1]!
  }
  return args.at(-1)!
}
