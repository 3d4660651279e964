/**
 * The wall clock in milliseconds with a fraction. `Date.now()` cuts the fraction off, and steps read theirs with
 * microseconds, so the offset of the monotonic clock is found at a tick, again each second.
 */
let offset = 0
let foundAt = Number.NEGATIVE_INFINITY

export function wallMs(): number {
  if (performance.now() - foundAt > 1_000) calibrate()
  return performance.now() + offset
}

function calibrate(): void {
  const before = Date.now()
  let tick = before
  while (tick === before) tick = Date.now()
  foundAt = performance.now()
  offset = tick - foundAt
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Looks until it finds something, at most `limitMs`; the error says what was waited for. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  options: { limitMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { limitMs = 30_000, everyMs = 5 } = options
  const end = performance.now() + limitMs
  for (;;) {
    const found = await look()
    if (found) return found
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`)
    await pause(everyMs)
  }
}

/** The promise, or an error that says what was waited for. */
export async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what}`)), limitMs)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}
