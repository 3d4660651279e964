import { FunctionError } from './functions.ts'
import { append, exactly, notSlash, type Program, readClass, runProgram } from './glob.ts'

/** One pattern of hashFiles(), bound to the folder it is relative to. */
export interface PathPattern {
  negated: boolean
  /** Absolute path of the literal folders in front of the first wildcard. */
  base: string
  matches(path: string, isFolder: boolean): boolean
  /** Whether something below this folder may match. */
  mayContain(folder: string): boolean
}

type Segment = { kind: 'globstar' } | { kind: 'literal'; text: string } | { kind: 'pattern'; program: Program }

/** Longer patterns and lists serve nobody; the bound keeps the work of one expression small. */
const maxPatterns = 256
const maxLength = 4096

export function compilePaths(root: string, lines: string[]): PathPattern[] {
  const wanted = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (wanted.length > maxPatterns || wanted.some((line) => line.length > maxLength)) {
    throw new FunctionError(`hashFiles() takes at most ${maxPatterns} patterns of ${maxLength} characters.`)
  }
  return wanted.map((line) => compilePath(root, line))
}

function compilePath(root: string, line: string): PathPattern {
  let negated = false
  let pattern = line
  while (pattern.startsWith('!')) {
    negated = !negated
    pattern = pattern.slice(1).trim()
  }
  const onlyFolders = pattern.endsWith('/')
  const own = pattern.split('/').filter((part, index) => part !== '' && !(part === '.' && index === 0))
  if (own.some((part) => part === '.' || part === '..')) {
    throw new FunctionError(`hashFiles() cannot use '.' or '..' inside the pattern '${line}'.`)
  }
  const prefix = pattern.startsWith('/') ? [] : root.split('/').filter(Boolean)
  const segments: Segment[] = [...prefix.map((text): Segment => ({ kind: 'literal', text })), ...own.map(readSegment)]
  const firstWild = segments.findIndex((each) => each.kind !== 'literal')
  const literals = firstWild < 0 ? segments : segments.slice(0, firstWild)
  return {
    negated,
    base: `/${literals.map((each) => (each.kind === 'literal' ? each.text : '')).join('/')}`,
    // A pattern means what it names and, when that is a folder, all below; one that ends in / only what is below.
    matches: (path, isFolder) => {
      const parts = path.split('/').filter(Boolean)
      if (!onlyFolders || isFolder) if (matchParts(segments, parts, false)) return true
      return parts.some((_, length) => length > 0 && matchParts(segments, parts.slice(0, length), false))
    },
    mayContain: (folder) => {
      const parts = folder.split('/').filter(Boolean)
      if (matchParts(segments, parts, true)) return true
      return parts.some((_, length) => length > 0 && matchParts(segments, parts.slice(0, length), false))
    },
  }
}

/** All positions in the pattern that the path can have reached; `partial` asks whether the path is a beginning. */
function matchParts(segments: Segment[], parts: string[], partial: boolean): boolean {
  let states = skipGlobstars(segments, new Set([0]))
  for (const part of parts) {
    const next = new Set<number>()
    for (const state of states) {
      const segment = segments[state]
      if (!segment) continue
      if (segment.kind === 'globstar') next.add(state)
      else if (segmentMatches(segment, part)) next.add(state + 1)
    }
    if (next.size === 0) return false
    states = skipGlobstars(segments, next)
  }
  return partial || states.has(segments.length)
}

function skipGlobstars(segments: Segment[], states: Set<number>): Set<number> {
  for (const state of states) if (segments[state]?.kind === 'globstar') states.add(state + 1)
  return states
}

function segmentMatches(segment: Segment, part: string): boolean {
  if (segment.kind === 'literal') return segment.text === part
  return segment.kind === 'pattern' && runProgram(segment.program, part)
}

function readSegment(text: string): Segment {
  if (text === '**') return { kind: 'globstar' }
  const program: Program = []
  let literal = ''
  let wild = false
  for (let index = 0; index < text.length; index++) {
    const char = text[index]!
    const set = char === '[' ? readClass(text, index, true) : null
    if (char === '\\' && index + 1 < text.length) {
      literal += text[++index]
      append(program, exactly(text[index]!), 1, false)
    } else if (char === '*' || char === '?') {
      wild = true
      append(program, notSlash, char === '*' ? 0 : 1, char === '*')
    } else if (set) {
      wild = true
      append(program, set.test, 1, false)
      index = set.end - 1
    } else {
      literal += char
      append(program, exactly(char), 1, false)
    }
  }
  return wild ? { kind: 'pattern', program } : { kind: 'literal', text: literal }
}
