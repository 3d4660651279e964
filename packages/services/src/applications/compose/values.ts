import type { Said } from '@juanie/workflow/say'
import type { Problems } from '../problems.ts'
import { said } from '../sentences.ts'
import { parseBytes, parseDuration } from '../units.ts'
import { asItems } from './merge.ts'
import { isNull, type ListNode, type MapNode, type Node } from './tree.ts'

/**
 * Takes typed values out of a tree. What has the wrong form is a problem at its place and reads as undefined, as do
 * null and what depends on a variable that is not known yet.
 */
export class Values {
  readonly problems: Problems

  constructor(problems: Problems) {
    this.problems = problems
  }

  wrong(node: Node, fault: Said): undefined {
    this.problems.error({ at: node.at, said: fault })
    return undefined
  }

  map(node: Node | undefined, path: string): MapNode | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    return node.kind === 'map' ? node : this.wrong(node, said('wantsMapping', { path }))
  }

  list(node: Node | undefined, path: string): ListNode | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    return node.kind === 'list' ? node : this.wrong(node, said('wantsList', { path }))
  }

  text(node: Node | undefined, path: string): string | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    if (node.kind === 'scalar' && typeof node.value === 'string') return node.value
    const isScalar = node.kind === 'scalar'
    return this.wrong(
      node,
      isScalar ? said('wantsQuotes', { path, text: String(node.value) }) : said('wantsText', { path }),
    )
  }

  /** One text or a list of texts, with their nodes. */
  texts(node: Node | undefined, path: string): { text: string; node: Node }[] {
    if (node === undefined) return []
    if (node.kind === 'map') {
      this.wrong(node, said('wantsTexts', { path }))
      return []
    }
    const items = asItems(node).map((item) => ({ node: item, text: this.text(item, path) }))
    return items.filter((item): item is { text: string; node: Node } => item.text !== undefined)
  }

  /** Whether the whole number is written as one or as text. */
  integer(node: Node | undefined, path: string, { min, max }: { min: number; max: number }): number | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    const value = node.kind === 'scalar' && /^-?\d+$/.test(String(node.value)) ? Number(node.value) : Number.NaN
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value
    return this.wrong(node, said('wantsInteger', { path, min, max }))
  }

  number(node: Node | undefined, path: string): number | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    const written =
      node.kind === 'scalar' && node.value !== '' && typeof node.value !== 'boolean' ? node.value : Number.NaN
    const value = Number(written)
    return Number.isFinite(value) && value >= 0 ? value : this.wrong(node, said('wantsNumber', { path }))
  }

  boolean(node: Node | undefined, path: string): boolean | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    const word = node.kind === 'scalar' ? String(node.value).toLowerCase() : ''
    if (['true', 'y', 'yes', 'on'].includes(word)) return true
    if (['false', 'n', 'no', 'off'].includes(word)) return false
    return this.wrong(node, said('wantsBoolean', { path }))
  }

  duration(node: Node | undefined, path: string): number | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    const value = node.kind === 'scalar' && typeof node.value === 'string' ? parseDuration(node.value) : null
    if (value !== null && value <= 86_400_000) return value
    return this.wrong(node, said('wantsTime', { path }))
  }

  bytes(node: Node | undefined, path: string): number | undefined {
    if (node === undefined || isAbsent(node)) return undefined
    const value = node.kind === 'scalar' && typeof node.value !== 'boolean' ? parseBytes(String(node.value)) : null
    return value ?? this.wrong(node, said('wantsBytes', { path }))
  }

  /** Refuses keys that have no meaning here; `x-` keys are everyone's own. */
  only(map: MapNode, path: string, known: readonly string[] | ReadonlySet<string>): void {
    const names = new Set(known)
    for (const [key, node] of map.entries) {
      if (names.has(key) || key.startsWith('x-')) continue
      const near = [...names].find((name) => isNear(name, key))
      const whole = path === '' ? key : `${path}.${key}`
      this.wrong(node, near ? said('keyNear', { path: whole, near }) : said('keyUnknown', { path: whole }))
    }
  }
}

/** Nothing can be said of null, nor of what waits for a variable. */
const isAbsent = (node: Node): boolean => isNull(node) || (node.kind === 'scalar' && node.open === true)

/** One letter more, less or other, or two swapped. */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  const tails = [
    [a.slice(start + 1), b.slice(start)],
    [a.slice(start), b.slice(start + 1)],
    [a.slice(start + 1), b.slice(start + 1)],
    [a.slice(start + 2), b.slice(start + 2)],
  ] as const
  const isSwapped = a[start] === b[start + 1] && a[start + 1] === b[start]
  return tails.some(([x, y], index) => x === y && (index < 3 || isSwapped))
}
