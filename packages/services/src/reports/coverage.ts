import type { Coverage } from './contract.ts'
import { readXml } from './xml.ts'

/** `lcov.info`: `LF` lines found, `LH` lines hit, once for each file. */
export function readLcov(text: string): Coverage | null {
  let linesTotal = 0
  let linesCovered = 0
  for (const [, kind, count] of text.matchAll(/^(LF|LH):(\d{1,9})\r?$/gm)) {
    if (kind === 'LF') linesTotal += Number(count)
    else linesCovered += Number(count)
  }
  return linesTotal > 0 ? { linesTotal, linesCovered } : null
}

/** `coverage-summary.json` of Istanbul. */
export function readIstanbul(text: string): Coverage | null {
  const summary = JSON.parse(text) as { total?: { lines?: { total?: unknown; covered?: unknown } } } | null
  const { total, covered } = summary?.total?.lines ?? {}
  if (!Number.isSafeInteger(total) || !Number.isSafeInteger(covered)) return null
  return { linesTotal: Math.max(0, total as number), linesCovered: Math.max(0, covered as number) }
}

/** Cobertura's XML: the root says how many lines are valid and covered; else its lines are counted. */
export function readCobertura(text: string): Coverage | null {
  let isReport = false
  let linesTotal = 0
  let linesCovered = 0
  for (const piece of readXml(text)) {
    if (piece.kind !== 'open') continue
    const { name, attributes } = piece
    if (!isReport) {
      if (name !== 'coverage') return null
      isReport = true
      const [valid, covered] = [Number(attributes['lines-valid']), Number(attributes['lines-covered'])]
      if (Number.isSafeInteger(valid) && valid > 0 && Number.isSafeInteger(covered)) {
        return { linesTotal: valid, linesCovered: Math.max(0, covered) }
      }
    } else if (name === 'line') {
      linesTotal++
      if (Number(attributes.hits) > 0) linesCovered++
    }
  }
  return linesTotal > 0 ? { linesTotal, linesCovered } : null
}
