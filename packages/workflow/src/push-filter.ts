import { anyChar, append, exactly, notSlash, type Program, readClass, runProgram, type Test } from './glob.ts'
import type { PushTrigger, WorkflowRunTrigger, WorkflowRunType } from './model.ts'
import type { Said } from './say.ts'
import { said } from './sentences.ts'

interface PushEvent {
  /** Full name, `refs/heads/…` or `refs/tags/…`. */
  ref: string
  /** Paths that the push changed; null when they are unknown or too many to list, which counts as a match. */
  changedPaths: string[] | null
}

/**
 * Whether a push fires a workflow, by GitHub's rules. With filters for branches only, tags do not match, and the other
 * way round; without either, both match. Paths are not looked at for a tag. The reason is one sentence for people.
 */
export function matchPush(push: PushTrigger, event: PushEvent): { matches: boolean; reason: string } {
  const tag = event.ref.startsWith('refs/tags/')
  if (!tag && !event.ref.startsWith('refs/heads/')) {
    return { matches: false, reason: `'${event.ref}' is neither a branch nor a tag.` }
  }
  const name = event.ref.slice(tag ? 'refs/tags/'.length : 'refs/heads/'.length)
  const byRef = tag ? matchTag(push, name) : matchBranch(push, name)
  if (!byRef.matches || tag) return byRef
  const byPath = matchPaths(push, event.changedPaths)
  return byPath ?? byRef
}

/** Whether a workflow follows a run of another: by the other's name, what became of it, and its branch. */
export function matchWorkflowRun(
  { workflows, types, branches, branchesIgnore }: WorkflowRunTrigger,
  run: { workflow: string; type: WorkflowRunType; branch: string },
): boolean {
  if (!types.includes(run.type)) return false
  if (!workflows.includes(run.workflow) && !included(workflows, run.workflow)) return false
  return matchBranch({ ...(branches && { branches }), ...(branchesIgnore && { branchesIgnore }) }, run.branch).matches
}

type Verdict = { matches: boolean; reason: string }

const matched = (reason: string): Verdict => ({ matches: true, reason })
const refused = (reason: string): Verdict => ({ matches: false, reason })

function matchBranch({ branches, branchesIgnore, tags, tagsIgnore }: PushTrigger, name: string): Verdict {
  if (branches) {
    return included(branches, name)
      ? matched(`Branch '${name}' matches 'branches'.`)
      : refused(`Branch '${name}' does not match 'branches'.`)
  }
  if (branchesIgnore) {
    return included(branchesIgnore, name)
      ? refused(`Branch '${name}' matches 'branches-ignore'.`)
      : matched(`Branch '${name}' is not in 'branches-ignore'.`)
  }
  if (tags || tagsIgnore) return refused('The workflow lists tags only, and a branch was pushed.')
  return matched('The workflow runs on every push.')
}

function matchTag({ branches, branchesIgnore, tags, tagsIgnore }: PushTrigger, name: string): Verdict {
  if (tags) {
    return included(tags, name)
      ? matched(`Tag '${name}' matches 'tags'.`)
      : refused(`Tag '${name}' does not match 'tags'.`)
  }
  if (tagsIgnore) {
    return included(tagsIgnore, name)
      ? refused(`Tag '${name}' matches 'tags-ignore'.`)
      : matched(`Tag '${name}' is not in 'tags-ignore'.`)
  }
  if (branches || branchesIgnore) return refused('The workflow lists branches only, and a tag was pushed.')
  return matched('The workflow runs on every push.')
}

function matchPaths({ paths, pathsIgnore }: PushTrigger, changed: string[] | null): Verdict | null {
  if (!paths && !pathsIgnore) return null
  if (changed === null) return matched('The changed paths are not known, so path filters are not applied.')
  if (paths) {
    const matches = matcher(paths)
    const path = changed.find(matches)
    return path === undefined ? refused("No changed path matches 'paths'.") : matched(`'${path}' matches 'paths'.`)
  }
  const ignored = matcher(pathsIgnore ?? [])
  const path = changed.find((each) => !ignored(each))
  return path === undefined
    ? refused("Every changed path matches 'paths-ignore'.")
    : matched(`'${path}' is not in 'paths-ignore'.`)
}

const included = (patterns: string[], name: string) => matcher(patterns)(name)

/** Patterns are judged in order and the last that matches decides; one that begins with `!` takes away again. */
function matcher(patterns: string[]): (name: string) => boolean {
  const compiled = patterns.map((pattern) => {
    const negated = pattern.startsWith('!')
    return { negated, program: compileFilter(negated ? pattern.slice(1) : pattern).program }
  })
  return (name) => {
    let taken = false
    for (const { negated, program } of compiled) if (taken === negated && runProgram(program, name)) taken = !negated
    return taken
  }
}

const maxPatternLength = 1000

/** What is wrong with a pattern of a filter; null when nothing is. */
export function filterFault(pattern: string): Said | null {
  const positive = pattern.startsWith('!') ? pattern.slice(1) : pattern
  if (positive === '') return said('patternEmpty')
  if (positive.length > maxPatternLength) return said('patternLong', { most: maxPatternLength })
  return compileFilter(positive).fault
}

/**
 * GitHub's filter patterns: `*` is anything but `/`, `**` anything, `?` and `+` repeat what stands before them (zero
 * or one, one or more), `[a-z]` is one character, `\` takes the next one literally. A folder wildcard also stands for
 * no folder at all, so that a double star, a slash and README.md match README.md.
 */
function compileFilter(pattern: string): { program: Program; fault: Said | null } {
  const program: Program = []
  let fault: Said | null = null
  for (let index = 0; index < pattern.length; ) {
    const char = pattern[index]!
    if (char === '*') {
      const double = pattern[index + 1] === '*'
      index += double ? 2 : 1
      if (double && pattern[index] === '/') {
        appendFolders(program)
        index++
      } else {
        append(program, double ? anyChar : notSlash, 0, true)
      }
      // A repetition of a wildcard says nothing more than the wildcard.
      while (pattern[index] === '?' || pattern[index] === '+') index++
      continue
    }
    let test: Test
    if (char === '[') {
      const set = readClass(pattern, index, false)
      if (!set) {
        fault = said('patternBracket', { pattern })
        return { program, fault }
      }
      test = set.test
      index = set.end
    } else {
      const escaped = char === '\\' && index + 1 < pattern.length
      test = exactly(escaped ? pattern[index + 1]! : char)
      index += escaped ? 2 : 1
    }
    const repeat = pattern[index] === '?' || pattern[index] === '+' ? pattern[index] : ''
    if (repeat) index++
    append(program, test, repeat === '?' ? 0 : 1, repeat === '+')
  }
  return { program, fault }
}

/** Nothing at all, or any text that ends in a slash. */
function appendFolders(program: Program): void {
  const start = program.length
  program.push({ kind: 'split', first: start + 1, second: start + 5 })
  append(program, anyChar, 0, true)
  append(program, exactly('/'), 1, false)
}
