/** The first of 1, 2, 5, 10, 20, … that holds the value: a height whose half is a round number too. */
export function roundAbove(value: number, least = 1): number {
  if (!(value > least)) return least
  const magnitude = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5].find((step) => step * magnitude >= value) ?? 10) * magnitude
}

/** Parts of a line without its holes, as points of an SVG in which each value is one wide and the top is 0. */
export function linesOf(values: readonly (number | null)[], top: number, height: number): string[] {
  const lines: string[] = []
  let line: string[] = []
  const end = () => {
    // A point alone would not show.
    if (line.length === 1) line.push(line[0]!.replace(/^[\d.]+/, (x) => `${Number(x) + 0.4}`))
    if (line.length > 0) lines.push(line.join(' '))
    line = []
  }
  values.forEach((value, i) => {
    if (value === null) end()
    else line.push(`${i + 0.5},${round(height - (Math.min(value, top) / top) * height)}`)
  })
  end()
  return lines
}

const round = (value: number): number => Math.round(value * 100) / 100
