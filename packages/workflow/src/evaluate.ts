import { data, Evaluator, type Expr } from '@actions/expressions'
import { Conversion, type Data, isTruthy, toPlain, toText } from './expression-data.ts'
import { type Compiled, compile, contextNames, ExpressionError } from './expressions.ts'
import { FunctionError, generalFunctions, type LanguageFunction } from './functions.ts'
import { hashFiles } from './hash-files.ts'
import type { Contexts, Outcome } from './model.ts'
import { hasExpression, insertKey, type Segment, splitTemplate, TemplateError } from './template.ts'

/** What an expression can ask besides its contexts. */
export interface EvaluationOptions {
  /** How the job stands so far, for `success()`, `failure()` and `cancelled()` of steps. */
  status?: { job: 'success' | 'failure' | 'cancelled' }
  /**
   * For the `if` of a job: the results of every job it needs, directly or through others, by id. GitHub looks at all
   * of them: a job whose grandparent was skipped is skipped as well unless it says otherwise.
   */
  needsStatus?: Record<string, Outcome>
  /** Folder in which hashFiles() looks; without it hashFiles() is refused. */
  workspace?: string
  /** File that the text comes from, named in errors. */
  file?: string
}

/** Fills a template in. A list or object has no text form, so a template that is nothing but one is refused. */
export function evaluateTemplate(text: string, contexts: Contexts, options: EvaluationOptions = {}): string {
  const segments = segmentsOf(text, options)
  const [first] = segments
  if (segments.length === 1 && first?.expression) {
    const value = run(first.text, contexts, options)
    if (value instanceof data.Array || value instanceof data.Dictionary) {
      const kind = value instanceof data.Array ? 'a list' : 'an object'
      throw located(
        `The expression "${shorten(first.text)}" yields ${kind} where text is needed; use toJSON().`,
        options,
      )
    }
    return toText(value)
  }
  return render(segments, contexts, options)
}

/** Keys and values of a mapping such as `env`, with what an expression for the whole of it yields taken in. */
export function evaluateMapping(
  mapping: Record<string, string>,
  contexts: Contexts,
  options: EvaluationOptions = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(mapping).flatMap(([key, text]): [string, string][] => {
      if (key !== insertKey) {
        const name = hasExpression(key) ? evaluateTemplate(key, contexts, options) : key
        return [[name, evaluateTemplate(text, contexts, options)]]
      }
      const value = evaluateValue(text, contexts, options)
      if (value === null || value === '') return []
      if (typeof value !== 'object' || Array.isArray(value)) {
        throw located('An expression for a whole mapping must yield an object; use fromJSON().', options)
      }
      return Object.entries(value).map(([name, each]) => [name, textOf(each)])
    }),
  )
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : toText(new Conversion().toData(value))
}

/** Like evaluateTemplate, but a text that is one sole expression yields its value as it is. */
export function evaluateValue(
  text: string | number | boolean,
  contexts: Contexts,
  options: EvaluationOptions = {},
): unknown {
  if (typeof text !== 'string') return text
  const segments = segmentsOf(text, options)
  const [first] = segments
  if (segments.length === 1 && first?.expression) return toPlain(run(first.text, contexts, options))
  return render(segments, contexts, options)
}

/**
 * Whether an `if` holds, braces or not. A condition that asks for no status means `success() && (…)`. Text beside
 * braces makes the whole a non-empty string and so true, as on GitHub; parseWorkflow warns about it.
 */
export function evaluateCondition(text: string, contexts: Contexts, options: EvaluationOptions = {}): boolean {
  const condition = text.includes('${{') ? text : text.trim()
  if (condition === '') return run('success()', contexts, options, isTruthy)
  const segments = text.includes('${{') ? segmentsOf(condition, options) : [{ expression: true, text: condition }]
  const asksForStatus = segments.some((each) => each.expression && compiled(each.text, options).hasStatusFunction)
  if (!asksForStatus && !run('success()', contexts, options, isTruthy)) return false
  const [first] = segments
  if (segments.length === 1 && first?.expression) return run(first.text, contexts, options, isTruthy)
  return render(segments, contexts, options) !== ''
}

function segmentsOf(text: string, options: EvaluationOptions): Segment[] {
  if (!text.includes('${{')) return text === '' ? [] : [{ expression: false, text }]
  try {
    return splitTemplate(text)
  } catch (error) {
    if (error instanceof TemplateError) throw located(error.message, options)
    throw error
  }
}

function render(segments: Segment[], contexts: Contexts, options: EvaluationOptions): string {
  return segments.map((each) => (each.expression ? run(each.text, contexts, options, toText) : each.text)).join('')
}

function compiled(expression: string, options: EvaluationOptions): Compiled {
  try {
    return compile(expression)
  } catch (error) {
    throw located((error as Error).message, options)
  }
}

function run(expression: string, contexts: Contexts, options: EvaluationOptions): Data
function run<T>(expression: string, contexts: Contexts, options: EvaluationOptions, as: (value: Data) => T): T
function run<T>(expression: string, contexts: Contexts, options: EvaluationOptions, as?: (value: Data) => T): T | Data {
  const { tree } = compiled(expression, options)
  try {
    const value = new Evaluator(tree as Expr, new Root(contexts), functionsFor(options) as never).evaluate()
    return as ? as(value) : value
  } catch (error) {
    const shown = shorten(expression)
    if (error instanceof FunctionError) throw located(`${error.message} The expression is "${shown}".`, options)
    // Deep recursion and texts beyond what the engine can hold end up here; their messages say nothing useful.
    throw located(`The expression "${shown}" cannot be evaluated: it is too large or too deep.`, options, error)
  }
}

function located(message: string, options: EvaluationOptions, cause?: unknown): ExpressionError {
  return new ExpressionError(options.file ? `${options.file}: ${message}` : message, { cause })
}

const shorten = (text: string) => (text.length > 120 ? `${text.slice(0, 120)}…` : text)

/** The contexts by name; one that is absent here is null, so that `matrix.os` of a job without matrix is null. */
class Root extends data.Dictionary {
  readonly #contexts: Contexts
  readonly #conversion = new Conversion()

  constructor(contexts: Contexts) {
    super()
    this.#contexts = contexts
  }

  override get(name: string): Data {
    const key = contextNames.find((each) => each === name.toLowerCase())
    return this.#conversion.toData(key ? this.#contexts[key] : null, key === 'env')
  }
}

const general = new Map(generalFunctions.map((each) => [each.name.toLowerCase(), each]))

function functionsFor(options: EvaluationOptions): Map<string, LanguageFunction> {
  const functions = new Map(general)
  const add = (name: string, call: (...args: Data[]) => Data) =>
    functions.set(name.toLowerCase(), { name, minArgs: 0, maxArgs: 255, call })
  add('always', () => new data.BooleanData(true))
  add('success', (...jobs) => new data.BooleanData(outcomes(options, jobs).every((each) => each === 'success')))
  add('failure', (...jobs) => new data.BooleanData(outcomes(options, jobs).includes('failure')))
  add('cancelled', () => new data.BooleanData(outcomes(options, []).includes('cancelled')))
  add('hashFiles', (...patterns) => {
    if (options.workspace === undefined) throw new FunctionError('hashFiles() is available in steps only.')
    return new data.StringData(hashFiles(options.workspace, patterns.map(toText)))
  })
  return functions
}

/** What a status function judges: the job it runs in, or the jobs needed; named jobs only where some are named. */
function outcomes({ status, needsStatus }: EvaluationOptions, jobs: Data[]): Outcome[] {
  const own = status && status.job !== 'success' ? [status.job] : []
  if (!needsStatus) return own
  if (jobs.length === 0) return [...own, ...Object.values(needsStatus)]
  return [...own, ...jobs.map((job) => needsStatus[toText(job)] ?? 'skipped')]
}
