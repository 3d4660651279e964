import { wholeCharacters } from './characters.ts'
import { evaluateTemplate, evaluateValue } from './evaluate.ts'
import { numberText } from './expression-data.ts'
import { ExpressionError } from './expressions.ts'
import type { Contexts, Job, JobInstance, MatrixValue, Strategy } from './model.ts'
import { maxCombinations } from './strategy.ts'
import { hasExpression, isInsert } from './template.ts'

type Combination = Record<string, MatrixValue>

/** Products of literal axes are bounded while the file is checked; this bounds what expressions and excludes make. */
const maxProduct = 65_536

/**
 * The jobs that one job of the file becomes, in GitHub's order: the product of the axes (the last axis turns fastest),
 * without what `exclude` matches, with `include` added to or behind it. A job without a matrix becomes one.
 * `contexts` needs `github`, `inputs`, `vars` and `needs`. Throws ExpressionError.
 */
export function expandJob(written: Job, contexts: Contexts): JobInstance[] {
  const job = withStrategy(written, contexts)
  const combinations = job.strategy?.matrix === undefined ? [null] : expandMatrix(job, contexts)
  if (combinations.length > maxCombinations) {
    throw new ExpressionError(
      `The matrix of job '${job.id}' makes ${combinations.length} jobs; at most ${maxCombinations} are allowed.`,
    )
  }
  const failFast = flag(job, contexts)
  const maxParallel = parallel(job, contexts, combinations.length)
  return combinations.map((matrix, jobIndex) => {
    const strategy = { failFast, jobIndex, jobTotal: combinations.length, maxParallel }
    return {
      job,
      name: shownName(job, matrix, { ...contexts, matrix, strategy: strategyContext(strategy) }),
      matrix,
      strategy,
    }
  })
}

/** With its strategy filled in, where the whole of it is an expression. */
function withStrategy(job: Job, contexts: Contexts): Job {
  if (job.strategy?.whole === undefined) return job
  const { strategy: _strategy, ...rest } = job
  const value = evaluateValue(job.strategy.whole, contexts)
  if (value === null || value === '') return rest
  const { matrix, ...given } = asMapping(value as MatrixValue, 'strategy', job)
  const filled: Strategy = { failFast: given['fail-fast'] !== false && given['fail-fast'] !== 'false' }
  if (given['max-parallel'] !== undefined) filled.maxParallel = Number(given['max-parallel'])
  if (matrix !== undefined && matrix !== null) {
    const { include, exclude, ...axes } = asMapping(matrix, 'matrix', job)
    filled.matrix = {
      axes: axes as Record<string, MatrixValue[]>,
      include: asList(include, 'include', job),
      exclude: asList(exclude, 'exclude', job),
    }
  }
  return { ...rest, strategy: filled }
}

/** The `strategy` context of a job. */
export function strategyContext(strategy: JobInstance['strategy']): Record<string, unknown> {
  return {
    'fail-fast': strategy.failFast,
    'job-index': strategy.jobIndex,
    'job-total': strategy.jobTotal,
    'max-parallel': strategy.maxParallel,
  }
}

/** The labels a job instance asks for, with its expressions filled in. Throws ExpressionError. */
export function runsOnLabels({ job, matrix, strategy }: JobInstance, contexts: Contexts): string[] {
  const own = { ...contexts, matrix, strategy: strategyContext(strategy) }
  const values = [job.runsOn].flat().flatMap((each) => evaluateValue(each, own))
  const labels = values.map((each) => (typeof each === 'number' ? numberText(each) : each))
  const text = labels.filter((each): each is string => typeof each === 'string' && each.trim() !== '')
  if (text.length === 0 || text.length < labels.length) {
    throw new ExpressionError(`'runs-on' of job '${job.id}' does not yield labels; it must be text or a list of texts.`)
  }
  return text.map((each) => each.trim())
}

function flag(job: Job, contexts: Contexts): boolean {
  const value = evaluateValue(job.strategy?.failFast ?? true, contexts)
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw new ExpressionError(`'fail-fast' of job '${job.id}' must be true or false.`)
}

function parallel(job: Job, contexts: Contexts, total: number): number {
  if (job.strategy?.maxParallel === undefined) return total
  const value = Number(evaluateValue(job.strategy.maxParallel, contexts))
  if (!Number.isInteger(value) || value < 1) {
    throw new ExpressionError(`'max-parallel' of job '${job.id}' must be a whole number, 1 or more.`)
  }
  return value
}

function expandMatrix(job: Job, contexts: Contexts): Combination[] {
  const { axes, include, exclude } = readMatrix(job, contexts)
  const names = Object.keys(axes)
  const product = names.reduce((count, name) => count * axes[name]!.length, 1)
  if (product > maxProduct) {
    throw new ExpressionError(
      `The matrix of job '${job.id}' makes ${product} jobs; at most ${maxCombinations} are allowed.`,
    )
  }
  let originals: Combination[] = names.length > 0 ? [{}] : []
  for (const name of names) {
    originals = originals.flatMap((each) => axes[name]!.map((value) => ({ ...each, [name]: value })))
  }
  originals = originals.filter((each) => !exclude.some((pattern) => isWithin(pattern, each)))
  const extended = originals.map((each) => ({ ...each }))
  const own: Combination[] = []
  for (const extra of include) {
    // An entry extends each original whose axis values it does not contradict; if there is none, it is a job itself.
    const onAxes = Object.fromEntries(Object.entries(extra).filter(([name]) => Object.hasOwn(axes, name)))
    const added = Object.entries(extra).filter(([name]) => !Object.hasOwn(axes, name))
    const hits = originals.flatMap((each, index) => (isWithin(onAxes, each) ? [index] : []))
    for (const index of hits) Object.assign(extended[index]!, Object.fromEntries(added))
    if (hits.length === 0) own.push({ ...extra })
  }
  const all = [...extended, ...own]
  if (all.length === 0) throw new ExpressionError(`The matrix of job '${job.id}' leaves no job after 'exclude'.`)
  return all
}

interface Matrix {
  axes: Record<string, MatrixValue[]>
  include: Combination[]
  exclude: Combination[]
}

function readMatrix(job: Job, contexts: Contexts): Matrix {
  const written = job.strategy?.matrix ?? '{}'
  const matrix = typeof written === 'string' ? evaluateValue(written, contexts) : fillIn(written, contexts)
  const { include, exclude, ...axes } = asMapping(matrix, 'matrix', job)
  for (const [name, values] of Object.entries(axes)) {
    if (!Array.isArray(values) || values.length === 0) {
      throw new ExpressionError(
        `The axis '${name}' of the matrix of job '${job.id}' must be a list with at least one value.`,
      )
    }
  }
  return {
    axes: axes as Record<string, MatrixValue[]>,
    include: asList(include, 'include', job),
    exclude: asList(exclude, 'exclude', job),
  }
}

type WrittenMatrix = Exclude<NonNullable<Job['strategy']>['matrix'], string | undefined>

function fillIn({ axes, include, exclude }: WrittenMatrix, contexts: Contexts): MatrixValue {
  const given = evaluateNested(axes, contexts)
  return {
    ...(given as Combination),
    include: evaluateNested(include, contexts),
    exclude: evaluateNested(exclude, contexts),
  }
}

/** Expressions stand in the text of the file only; what they yield is not looked at again. */
function evaluateNested(value: MatrixValue, contexts: Contexts): MatrixValue {
  if (typeof value === 'string') return hasExpression(value) ? (evaluateValue(value, contexts) as MatrixValue) : value
  if (Array.isArray(value)) return value.map((each) => evaluateNested(each, contexts))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]): [string, MatrixValue][] => {
      const filled = evaluateNested(each, contexts)
      if (isInsert(key)) return Object.entries(filled !== null && typeof filled === 'object' ? filled : {})
      return [[hasExpression(key) ? evaluateTemplate(key, contexts) : key, filled]]
    }),
  )
}

function asMapping(value: unknown, what: string, job: Job): Record<string, MatrixValue> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, MatrixValue>
  throw new ExpressionError(`'${what}' of job '${job.id}' must be an object of lists.`)
}

function asList(value: unknown, what: string, job: Job): Combination[] {
  if (value === undefined || value === null || value === '') return []
  if (Array.isArray(value)) return value.map((each) => asMapping(each, what, job))
  throw new ExpressionError(`'${what}' of the matrix of job '${job.id}' must be a list of objects.`)
}

/** Whether every value of the pattern is found in the combination; objects may name fewer keys than they meet. */
function isWithin(pattern: MatrixValue, value: MatrixValue | undefined): boolean {
  if (pattern === value) return true
  if (value === undefined || value === null || pattern === null) return false
  if (typeof pattern !== 'object' || typeof value !== 'object') {
    return typeof pattern !== 'object' && typeof value !== 'object' && sameScalar(pattern, value)
  }
  if (Array.isArray(pattern) || Array.isArray(value)) {
    if (!Array.isArray(pattern) || !Array.isArray(value) || pattern.length !== value.length) return false
    return pattern.every((each, index) => isWithin(each, value[index]))
  }
  return Object.entries(pattern).every(([key, each]) => isWithin(each, value[key]))
}

/** `3` in one list and `'3'` in the other are the same value of an axis. */
const sameScalar = (a: string | number | boolean, b: string | number | boolean) => String(a) === String(b)

const maxNameLength = 100

function shownName(job: Job, matrix: Combination | null, contexts: Contexts): string {
  const written = job.name === undefined ? job.id : evaluateTemplate(job.name, contexts).trim() || job.id
  const usesMatrix = job.name !== undefined && hasExpression(job.name)
  const values = matrix && !usesMatrix ? Object.values(matrix).flatMap(leaves) : []
  const name = values.length > 0 ? `${written} (${values.join(', ')})` : written
  return name.length > maxNameLength ? `${wholeCharacters(name.slice(0, maxNameLength - 3))}...` : name
}

function leaves(value: MatrixValue): string[] {
  if (value === null) return ['']
  if (typeof value === 'number') return [numberText(value)]
  if (typeof value !== 'object') return [String(value)]
  return (Array.isArray(value) ? value : Object.values(value)).flatMap(leaves)
}
