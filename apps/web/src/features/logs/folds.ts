import type { Mark } from './source.ts'

export interface Group {
  /** Number of the line that opens it. */
  start: number
  /** Last line that belongs to it; null while it is still open. */
  end: number | null
  /** How many lines are in it, without those of its marks. */
  lines: number
}

interface Gap {
  from: number
  to: number
  /** Hidden lines up to and with this gap. */
  sum: number
}

/** A log with more groups than this shows the rest of them unfolded. */
const mostGroups = 50_000

/**
 * Groups are not nested, as with GitHub: one ends at its end mark, at the next group, or with the log.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#grouping-log-lines
 */
export function groupsOf(marks: readonly Mark[]): { groups: Group[]; ends: number[] } {
  const groups: Group[] = []
  const ends: number[] = []
  for (const { line, kind } of marks) {
    if (kind !== 'group' && kind !== 'endgroup') continue
    const last = groups.at(-1)
    const isOpen = last !== undefined && last.end === null
    if (isOpen) {
      last.end = kind === 'group' ? line - 1 : line
      last.lines = line - last.start - 1
    }
    // An end mark that ends nothing is hidden as well: it says nothing.
    if (kind === 'endgroup') ends.push(line)
    else if (groups.length < mostGroups) groups.push({ start: line, end: null, lines: 0 })
  }
  return { groups, ends }
}

/**
 * Which lines are shown, and where: rows are counted from 0, lines from 1. Hidden are the lines of folded groups and
 * the marks of their ends.
 */
export class Folds {
  readonly groups: readonly Group[]
  readonly #gaps: Gap[] = []

  constructor(marks: readonly Mark[], isFolded: (group: Group) => boolean) {
    const { groups, ends } = groupsOf(marks)
    this.groups = groups
    const ranges: [number, number][] = ends.map((line) => [line, line])
    for (const group of groups) {
      if (group.end !== null && group.end > group.start && isFolded(group)) ranges.push([group.start + 1, group.end])
    }
    ranges.sort((a, b) => a[0] - b[0])
    for (const [from, to] of ranges) {
      const last = this.#gaps.at(-1)
      if (last && from <= last.to) continue
      this.#gaps.push({ from, to, sum: (last?.sum ?? 0) + to - from + 1 })
    }
  }

  /** How many lines up to this one are shown. */
  shownUpTo(line: number): number {
    const gap = this.#gaps[after(this.#gaps, ({ from }) => from <= line) - 1]
    if (!gap) return line
    return line - gap.sum + Math.max(0, gap.to - line)
  }

  /** The line at a place among those shown, counted from 1. */
  lineAt(place: number): number {
    const gap = this.#gaps[after(this.#gaps, ({ to, sum }) => to - sum < place) - 1]
    return place + (gap?.sum ?? 0)
  }

  isHidden(line: number): boolean {
    const gap = this.#gaps[after(this.#gaps, ({ from }) => from <= line) - 1]
    return gap !== undefined && line <= gap.to
  }

  /** The group that a line opens. */
  opensAt(line: number): Group | null {
    const group = this.groupOf(line)
    return group?.start === line ? group : null
  }

  /** The group that a line belongs to. */
  groupOf(line: number): Group | null {
    const group = this.groups[after(this.groups, ({ start }) => start <= line) - 1]
    return group && (group.end === null || line <= group.end) ? group : null
  }
}

/** How many at the beginning of a sorted list hold. */
export function after<T>(list: readonly T[], holds: (one: T) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(list[middle]!)) low = middle + 1
    else high = middle
  }
  return low
}
