import type { EvidenceView } from '@juanie/services/deployments/contract'

export interface EvidenceChart {
  /** Oldest first; height is a part of the slowest. A bad probe stands full. */
  bars: { key: string; height: number; isGood: boolean }[]
  good: number
  bad: number
  medianMs: number
  slowestMs: number
}

/** Bars of the probes' latencies, and what they come to. Null: there are none. */
export function chartOf(evidence: EvidenceView[]): EvidenceChart | null {
  if (evidence.length === 0) return null
  const inOrder = [...evidence].sort((a, b) => a.at.localeCompare(b.at) || a.seq - b.seq)
  const latencies = inOrder.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b)
  const slowestMs = latencies.at(-1) ?? 0
  const good = inOrder.filter((probe) => probe.good).length
  return {
    bars: inOrder.map((probe) => ({
      key: `${probe.instanceId}/${probe.seq}`,
      height: probe.good ? Math.max(0.04, slowestMs === 0 ? 0 : probe.latencyMs / slowestMs) : 1,
      isGood: probe.good,
    })),
    good,
    bad: inOrder.length - good,
    medianMs: latencies[Math.floor(latencies.length / 2)]!,
    slowestMs,
  }
}
