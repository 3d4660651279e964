/** A job and what it needs, without circles. */
export interface GraphJob {
  id: string
  needs: string[]
}

const left = 1
const right = 2
const up = 4
const down = 8
const lines: Record<number, string> = {
  [left]: '╴',
  [right]: '╶',
  [up]: '╵',
  [down]: '╷',
  [left | right]: '─',
  [up | down]: '│',
  [left | down]: '┐',
  [left | up]: '┘',
  [right | down]: '┌',
  [right | up]: '└',
  [left | up | down]: '┤',
  [right | up | down]: '├',
  [left | right | down]: '┬',
  [left | right | up]: '┴',
  [left | right | up | down]: '┼',
}

interface Place {
  /** Null where a line only passes. */
  job: GraphJob | null
  id: string
  /** Ids of the places in the column before that a line comes from. */
  from: string[]
}

/**
 * Draws jobs from left to right along what needs what, in rows of text. Columns take turns with the rows, so that a line
 * that leaves a job never lies on one that reaches another; a line that only crosses one is broken by it.
 */
export function drawGraph(jobs: readonly GraphJob[]): string[] {
  const columns = columnsOf(jobs)
  const height = Math.max(0, ...columns.map((column, index) => column.length * 2 - 1 + (index % 2)))
  const rows = Array.from({ length: height }, () => '')
  for (const [index, column] of columns.entries()) {
    const next = columns[index + 1] ?? []
    const goesOn = new Set(next.flatMap(({ from }) => from))
    const width = Math.max(...column.map(({ job, id }) => (job ? id.length : 0)))
    const gutter = gutterBetween(column, next, { height, isOdd: index % 2 === 1 })
    for (let row = 0; row < height; row++) {
      const place = (row - index) % 2 === 0 ? column[(row - (index % 2)) / 2] : undefined
      const text = place?.job ? `${place.id} ` : ''
      rows[row] += text + (place && goesOn.has(place.id) ? '─' : ' ').repeat(width + 1 - text.length) + gutter[row]
    }
  }
  return rows.map((row) => row.trimEnd())
}

/** Jobs by how many stand before them, with places for the lines that go past a column. */
function columnsOf(jobs: readonly GraphJob[]): Place[][] {
  const known = new Map(jobs.map((job) => [job.id, job]))
  const needsOf = (id: string) => known.get(id)!.needs.filter((need) => known.has(need))
  const levels = new Map<string, number>()
  const levelOf = (id: string): number => {
    const known = levels.get(id) ?? Math.max(-1, ...needsOf(id).map(levelOf)) + 1
    levels.set(id, known)
    return known
  }
  for (const { id } of jobs) levelOf(id)
  const columns: Place[][] = []
  for (const job of jobs) {
    const level = levels.get(job.id)!
    columns[level] ??= []
    columns[level].push({ job, id: job.id, from: [] })
  }
  for (const [level, column] of columns.entries()) {
    for (const place of column) {
      if (!place.job) continue
      for (const need of needsOf(place.id)) place.from.push(passFrom(columns, need, levels.get(need)!, level))
    }
  }
  return columns
}

/** The id of the place in the column before `to` that a line from `id` comes from; the line is led through the columns. */
function passFrom(columns: Place[][], id: string, at: number, to: number): string {
  let before = id
  for (let level = at + 1; level < to; level++) {
    const passing = `${id} past ${level}`
    if (!columns[level]!.some((place) => place.id === passing))
      columns[level]!.push({ job: null, id: passing, from: [before] })
    before = passing
  }
  return before
}

/** The lines between two columns: each place of the second that needs something has a lane of its own. */
function gutterBetween(before: Place[], after: Place[], at: { height: number; isOdd: boolean }): string[] {
  const sourceRow = (id: string) => before.findIndex((place) => place.id === id) * 2 + (at.isOdd ? 1 : 0)
  const targetRow = (index: number) => index * 2 + (at.isOdd ? 0 : 1)
  const lanes = after.flatMap(({ job, from }, index) =>
    from.length === 0
      ? []
      : [{ target: targetRow(index), sources: new Set(from.map(sourceRow)), passes: job === null }],
  )
  if (lanes.length === 0) return Array.from({ length: at.height }, () => '')
  return Array.from({ length: at.height }, (_, row) => {
    const last = lanes.findLastIndex(({ sources }) => sources.has(row))
    const own = lanes.findIndex(({ target }) => target === row)
    const cells = lanes.map(({ target, sources }, lane) => {
      const rows = [target, ...sources]
      const stands = (Math.min(...rows) < row ? up : 0) | (Math.max(...rows) > row ? down : 0)
      if (sources.has(row)) return stands | left | (lane < last ? right : 0)
      if (target === row) return stands | right
      if (stands === (up | down)) return stands
      return lane < last || (own >= 0 && lane > own) ? left | right : 0
    })
    const begins = last >= 0 ? '─' : ' '
    const ends = own < 0 ? '  ' : lanes[own]!.passes ? '──' : '─ '
    return `${begins}${cells.map((cell) => lines[cell] ?? ' ').join('')}${ends}`
  })
}
