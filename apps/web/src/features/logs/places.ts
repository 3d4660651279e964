/** The lines that an address names: `#L12`, or several: `#L12-L20`. */
export function readHash(hash: string): { from: number; to: number } | null {
  const found = /^#L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(hash)
  if (!found) return null
  const [one, other] = [Number(found[1]), Number(found[2] ?? found[1])]
  return one > 0 && other > 0 ? { from: Math.min(one, other), to: Math.max(one, other) } : null
}

/** `:120` in the search asks for a line and not for a text. */
export function lineAsked(text: string): number | null {
  const found = /^:(\d{1,9})$/.exec(text.trim())
  return found ? Math.max(1, Number(found[1])) : null
}
