import type { Result, Side } from './row.ts'

const number = (value: number): string =>
  value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

const side = (label: string, of: Side, unit: string): string => {
  const cpu = of.cpuUs === null ? '' : `   CPU ${Math.round(of.cpuUs).toLocaleString('en')} µs`
  const values = [of.p50, of.p99, of.min, of.max].map((value) => number(value).padStart(8)).join('')
  return `    ${label.padEnd(8)}${values}  ${unit.padEnd(3)} n ${String(of.count).padEnd(5)}${cpu}`
}

export const verdict = (result: Result): string =>
  result.goals.length === 0 ? '' : result.goals.every(({ isMet }) => isMet) ? 'met' : 'missed'

/** One block a line of the table, readable on 100 columns. */
export function table(results: readonly Result[]): string {
  const lines = [`${' '.repeat(12)}${['p50', 'p99', 'min', 'max'].map((word) => word.padStart(8)).join('')}`]
  for (const result of results) {
    const { juanie, floor } = result
    const ratio = juanie && floor ? `   ${(juanie.p50 / floor.p50).toFixed(2)}× floor` : ''
    const goals = result.goals.map(({ text, isMet }) => `${text}: ${isMet ? 'met' : 'missed'}`).join('; ')
    lines.push('', `${result.what}${ratio}${goals && `   ${goals}`}`)
    if (juanie) lines.push(side('Juanie', juanie, result.unit))
    if (floor) lines.push(side('floor', floor, result.unit))
    if (result.verified) lines.push(`    ${result.verified}`)
  }
  return lines.join('\n')
}
