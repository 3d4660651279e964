import { type Expr, Lexer, Parser } from '@actions/expressions'
import { splitAllowedContext } from '@actions/workflow-parser/templates/allowed-context'
import type { Said } from './say.ts'
import { said, sentenceOf } from './sentences.ts'

/** An expression that cannot be read or evaluated. The message holds the expression's text but no value. */
export class ExpressionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ExpressionError'
  }
}

/** With what is wrong as a key and values. */
class Unreadable extends ExpressionError {
  readonly said: Said
  constructor(fault: Said, options: ErrorOptions) {
    super(sentenceOf(fault), options)
    this.said = fault
  }
}

export const contextNames = [
  'github',
  'env',
  'vars',
  'secrets',
  'job',
  'steps',
  'runner',
  'strategy',
  'matrix',
  'needs',
  'jobs',
  'inputs',
] as const

const statusFunctionNames = new Set(['success', 'failure', 'always', 'cancelled'])
const everyFunction = [
  ...[...statusFunctionNames].map((name) => ({ name, minArgs: 0, maxArgs: 255 })),
  { name: 'hashFiles', minArgs: 1, maxArgs: 255 },
]

export interface Compiled {
  tree: Expr
  /** Whether it asks for the status itself; a condition that does not is joined with `success()`. */
  hasStatusFunction: boolean
}

const cache = new Map<string, Compiled>()

/** Reads an expression that has been checked before: every context and function may occur. */
export function compile(text: string): Compiled {
  const known = cache.get(text)
  if (known) return known
  const compiled = read(text, [...contextNames], everyFunction)
  if (cache.size >= 2000) cache.clear()
  cache.set(text, compiled)
  return compiled
}

/**
 * Checks an expression against what exists at its place. `allowed` is a list as the schema has it, e.g.
 * `['github', 'hashFiles(1,255)']`. Returns one sentence when something is wrong.
 */
export function faultOf(text: string, allowed: string[]): Said | null {
  const { namedContexts, functions } = splitAllowedContext(allowed)
  try {
    read(text, namedContexts, functions)
    return null
  } catch (error) {
    return (error as Unreadable).said
  }
}

type FunctionInfo = { name: string; minArgs: number; maxArgs: number }

function read(text: string, contexts: string[], functions: FunctionInfo[]): Compiled {
  let hasStatusFunction = false
  try {
    const { tokens } = new Lexer(text).lex()
    for (const token of tokens) {
      // The lexer undoes only the first doubled quote of a string.
      if (token.lexeme.startsWith("'")) token.value = token.lexeme.slice(1, -1).replaceAll("''", "'")
    }
    tokens.forEach((token, index) => {
      if (statusFunctionNames.has(token.lexeme.toLowerCase()) && tokens[index + 1]?.lexeme === '(') {
        hasStatusFunction = true
      }
    })
    const tree = new Parser(tokens, contexts, functions as never).parse()
    if (!tree) throw new Error('An expression was expected')
    return { tree, hasStatusFunction }
  } catch (error) {
    throw new Unreadable(explain(error, text, contexts), { cause: error })
  }
}

function explain(error: unknown, text: string, contexts: string[]): Said {
  const expression = text.length > 120 ? `${text.slice(0, 120)}…` : text
  const message = String((error as Error).message)
  const named = /^Unrecognized named-value: '(.*)'$/s.exec(message)?.[1]
  if (named !== undefined) {
    const exists = (contextNames as readonly string[]).includes(named.toLowerCase())
    const at = { name: named, expression }
    if (contexts.length === 0) return said(exists ? 'expressionNoContext' : 'expressionNoSuchContext', at)
    const known = contexts.join(', ')
    return said(exists ? 'expressionContextElsewhere' : 'expressionContextUnknown', { ...at, known })
  }
  const called = /^Unrecognized function: '(.*)'$/s.exec(message)?.[1]
  if (called !== undefined) {
    const exists = everyFunction.some(({ name }) => name.toLowerCase() === called.toLowerCase())
    return said(exists ? 'expressionFunctionElsewhere' : 'expressionFunctionUnknown', { name: called, expression })
  }
  return said('expressionUnreadable', { expression, text: message.split(' Located at position')[0]! })
}
