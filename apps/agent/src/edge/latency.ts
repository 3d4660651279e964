/**
 * Latencies in buckets whose upper bounds grow by a sixth of an octave from 0.1 ms (so a percentile is at most 12 %
 * too high), sparse as `[bucket, count]`. Counts of several edges or times add up bucket by bucket.
 */
export type LatencyCounts = [bucket: number, count: number][]

const smallestMs = 0.1
const perOctave = 6
const buckets = 128

const upperMs = (bucket: number): number => smallestMs * 2 ** (bucket / perOctave)

export class Histogram {
  readonly #counts = new Uint32Array(buckets)

  add(ms: number): void {
    const bucket = ms <= smallestMs ? 0 : Math.min(buckets - 1, Math.ceil(perOctave * Math.log2(ms / smallestMs)))
    this.#counts[bucket]! += 1
  }

  counts(): LatencyCounts {
    const found: LatencyCounts = []
    this.#counts.forEach((count, bucket) => {
      if (count > 0) found.push([bucket, count])
    })
    return found
  }
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
