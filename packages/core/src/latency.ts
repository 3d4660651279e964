/**
 * Latencies in buckets whose upper bounds grow by a sixth of an octave from 0.1 ms (so a percentile is at most 12 %
 * too high), sparse as `[bucket, count]`. Counts of several edges or times add up bucket by bucket.
 */
export type LatencyCounts = [bucket: number, count: number][]

const smallestMs = 0.1
const perOctave = 6
const latencyBuckets = 128

const upperMs = (bucket: number): number => smallestMs * 2 ** (bucket / perOctave)

export class Histogram {
  readonly #counts = new Uint32Array(latencyBuckets)
  readonly #marked = new Uint32Array(latencyBuckets)

  add(ms: number): void {
    const bucket =
      ms <= smallestMs ? 0 : Math.min(latencyBuckets - 1, Math.ceil(perOctave * Math.log2(ms / smallestMs)))
    this.#counts[bucket]! += 1
  }

  counts(): LatencyCounts {
    return sparse((bucket) => this.#counts[bucket]!)
  }

  /** What `counts` grew by since the last `mark`. */
  countsSinceMark(): LatencyCounts {
    return sparse((bucket) => this.#counts[bucket]! - this.#marked[bucket]!)
  }

  mark(): void {
    this.#marked.set(this.#counts)
  }
}

function sparse(countOf: (bucket: number) => number): LatencyCounts {
  const found: LatencyCounts = []
  for (let bucket = 0; bucket < latencyBuckets; bucket++) {
    const count = countOf(bucket)
    if (count > 0) found.push([bucket, count])
  }
  return found
}

/** Bucket by bucket, in their order. */
export function addLatencies(all: readonly LatencyCounts[]): LatencyCounts {
  const sums = new Float64Array(latencyBuckets)
  for (const counts of all) for (const [bucket, count] of counts) sums[bucket]! += count
  return sparse((bucket) => sums[bucket]!)
}

/** The latency that the given share (0 to 1) of requests did not exceed, in ms; null without requests. */
export function latencyAt(share: number, counts: LatencyCounts): number | null {
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  let left = Math.ceil(total * share)
  for (const [bucket, count] of counts) {
    left -= count
    if (left <= 0 && total > 0) return upperMs(bucket)
  }
  return null
}
