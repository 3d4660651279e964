/**
 * Problem matchers: regular expressions that find what compilers and linters complain of in the output of a step.
 * https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md
 */
interface Pattern {
  regexp: RegExp
  /** Numbers of groups. */
  groups: Partial<Record<Field, number>>
  loop: boolean
}

const fields = ['file', 'fromPath', 'line', 'column', 'severity', 'code', 'message'] as const
type Field = (typeof fields)[number]

interface Matcher {
  owner: string
  severity: string | null
  fromPath: string | null
  patterns: Pattern[]
}

export interface MatchedProblem {
  level: 'error' | 'warning' | 'notice'
  message: string
  code: string | null
  file: string | null
  /** File of the project that `file` is relative to. */
  fromPath: string | null
  line: number | null
  column: number | null
}

const maxMatchers = 50
const maxPatterns = 20
const maxRegExpLength = 4_096
const maxGroup = 100
/** Nothing that a compiler says of one place is longer; what a minifier prints is. */
const maxLineLength = 4_096
const maxOwnerLength = 200

/** Reads a file of matchers. Throws with a sentence about what is wrong with it; nothing of the file is repeated. */
export function readMatchers(text: string): Matcher[] {
  let content: unknown
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    throw new Error('it is not JSON')
  }
  const list = isRecord(content) ? content.problemMatcher : null
  if (!Array.isArray(list) || list.length === 0) throw new Error('it has no list "problemMatcher"')
  if (list.length > maxMatchers) throw new Error(`it has more than ${maxMatchers} matchers`)
  return list.map((each, index) => readMatcher(each, `problemMatcher[${index}]`))
}

function readMatcher(value: unknown, at: string): Matcher {
  if (!isRecord(value)) throw new Error(`${at} is not an object`)
  const { owner, severity = null, fromPath = null, pattern } = value
  if (typeof owner !== 'string' || owner === '' || owner.length > maxOwnerLength)
    throw new Error(`${at}.owner is missing`)
  if (severity !== null && typeof severity !== 'string') throw new Error(`${at}.severity is not text`)
  if (fromPath !== null && typeof fromPath !== 'string') throw new Error(`${at}.fromPath is not text`)
  const list = Array.isArray(pattern) ? pattern : [pattern]
  if (list.length === 0 || list.length > maxPatterns)
    throw new Error(`${at}.pattern has not 1 to ${maxPatterns} entries`)
  const patterns = list.map((each, index) => readPattern(each, `${at}.pattern[${index}]`))
  for (const [index, each] of patterns.entries()) {
    const isLast = index === patterns.length - 1
    if (each.loop && !(isLast && patterns.length > 1))
      throw new Error(`${at}: only the last of several patterns may loop`)
    if (each.loop && each.groups.message === undefined)
      throw new Error(`${at}: the pattern that loops names no message`)
  }
  if (!patterns.some(({ groups }) => groups.message !== undefined)) throw new Error(`${at}: no pattern names a message`)
  return { owner, severity, fromPath, patterns }
}

function readPattern(value: unknown, at: string): Pattern {
  if (!isRecord(value) || typeof value.regexp !== 'string') throw new Error(`${at}.regexp is missing`)
  if (value.regexp.length > maxRegExpLength)
    throw new Error(`${at}.regexp is longer than ${maxRegExpLength} characters`)
  const groups: Pattern['groups'] = {}
  for (const field of fields) {
    const group = value[field]
    if (group === undefined || group === null) continue
    if (!Number.isInteger(group) || (group as number) < 0 || (group as number) > maxGroup) {
      throw new Error(`${at}.${field} is not the number of a group`)
    }
    groups[field] = group as number
  }
  try {
    return { regexp: new RegExp(value.regexp), groups, loop: value.loop === true }
  } catch {
    throw new Error(`${at}.regexp is not a regular expression`)
  }
}

type Found = Partial<Record<Field, string>>

/** One matcher with what it has seen of a problem that takes several lines. */
class Running {
  readonly matcher: Matcher
  /** What the pattern at each place found, joined with those before it; the last pattern's is never kept. */
  #found: (Found | null)[] = []

  constructor(matcher: Matcher) {
    this.matcher = matcher
  }

  reset(): void {
    this.#found = []
  }

  push(line: string): Found | null {
    const { patterns } = this.matcher
    const last = patterns.length - 1
    // From the last to the first, so that one line moves each problem on by one pattern only.
    for (let place = last; place >= 0; place--) {
      const earlier = place === 0 ? {} : (this.#found[place - 1] ?? null)
      if (earlier === null) continue
      const found = matched(patterns[place]!, line, earlier)
      if (place < last) this.#found[place] = found
      else if (found) {
        this.reset()
        if (patterns[place]!.loop) this.#found[place - 1] = earlier
        return found
      } else if (place > 0) this.#found[place - 1] = null
    }
    return null
  }
}

function matched({ regexp, groups }: Pattern, line: string, earlier: Found): Found | null {
  const match = regexp.exec(line)
  if (!match) return null
  const found: Found = { ...earlier }
  for (const field of fields) {
    const group = groups[field]
    const text = group === undefined ? undefined : match[group]
    if (text !== undefined) found[field] = text.trim()
  }
  return found
}

/** Colours and the like: what a terminal obeys and does not show. */
const escapeSequence = /\u001b\[[0-9;:]*[A-Za-z]/g

/** The matchers of one job. A regular expression may take for ever; whoever calls `push` bounds it in time. */
export class ProblemMatchers {
  /** The latest first: it is asked first. */
  #all: Running[] = []
  /** The matcher that is at work, for whoever had to stop it. */
  current: string | null = null

  get isEmpty(): boolean {
    return this.#all.length === 0
  }

  /** One with the same owner is replaced. Throws beyond a number that no job needs. */
  add(matchers: Matcher[]): void {
    for (const matcher of matchers) {
      this.remove(matcher.owner)
      if (this.#all.length >= maxMatchers) throw new Error(`a job has at most ${maxMatchers} matchers`)
      this.#all.unshift(new Running(matcher))
    }
  }

  remove(owner: string): void {
    this.#all = this.#all.filter(({ matcher }) => matcher.owner !== owner)
  }

  /** Lines of another step begin. */
  reset(): void {
    for (const each of this.#all) each.reset()
  }

  push(line: string): MatchedProblem | null {
    if (line.length > maxLineLength) return null
    const text = line.includes('\u001b') ? line.replace(escapeSequence, '') : line
    for (const each of this.#all) {
      this.current = each.matcher.owner
      const found = each.push(text)
      if (!found) continue
      for (const other of this.#all) if (other !== each) other.reset()
      this.current = null
      return problemOf(each.matcher, found)
    }
    this.current = null
    return null
  }
}

function problemOf(matcher: Matcher, found: Found): MatchedProblem | null {
  const level = levelOf(found.severity || matcher.severity || 'error')
  if (level === null || !found.message) return null
  return {
    level,
    message: found.message,
    code: found.code || null,
    file: found.file || null,
    fromPath: found.fromPath || matcher.fromPath,
    line: numberOf(found.line),
    column: numberOf(found.column),
  }
}

function levelOf(severity: string): MatchedProblem['level'] | null {
  const name = severity.toLowerCase()
  if (name === 'error' || name === 'warning' || name === 'notice') return name
  return name === 'info' ? 'notice' : null
}

const numberOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null

const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
