/** Splits a list, newest first, into what is shown and how many are newer than that. */
export function heldBack<T extends { number: number }>(
  rows: readonly T[],
  newest: number | null,
): { shown: T[]; fresh: number } {
  const shown = newest === null ? [...rows] : rows.filter(({ number }) => number <= newest)
  // Where all that was shown is gone there is nothing to keep still.
  return shown.length === 0 ? { shown: [...rows], fresh: 0 } : { shown, fresh: rows.length - shown.length }
}
