/** A page of a list by key: ask for `limit + 1` rows, and the one too many says that there are more. */
export function paged<T, K = string>(
  rows: T[],
  limit: number,
  key: (row: T) => K = (row) => (row as { id: K }).id,
): { rows: T[]; next: K | null } {
  if (rows.length <= limit) return { rows, next: null }
  const page = rows.slice(0, limit)
  return { rows: page, next: key(page[limit - 1]!) }
}
