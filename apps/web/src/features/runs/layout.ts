import { Graph, layout } from '@dagrejs/dagre'
import type { JobGroup } from './jobs.ts'

export const nodeSize = { width: 184, height: 56 }

interface Place {
  x: number
  y: number
}

export interface GraphLayout {
  width: number
  height: number
  /** Upper left corners, by key. */
  places: Map<string, Place>
  edges: { from: string; to: string; path: string }[]
}

/** Where the jobs of a workflow stand, from left to right. */
export function layoutOf(groups: readonly Pick<JobGroup, 'key' | 'needs'>[]): GraphLayout {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 16, ranksep: 44, marginx: 16, marginy: 16 })
  graph.setDefaultEdgeLabel(() => ({}))
  const keys = new Set(groups.map(({ key }) => key))
  for (const { key } of groups) graph.setNode(key, { ...nodeSize })
  for (const { key, needs } of groups) for (const need of needs) if (keys.has(need)) graph.setEdge(need, key)
  layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  const places = new Map(
    groups.map(({ key }): [string, Place] => {
      const { x, y } = graph.node(key) as Place
      return [key, { x: x - nodeSize.width / 2, y: y - nodeSize.height / 2 }]
    }),
  )
  const edges = graph.edges().map(({ v, w }) => {
    const { points = [] } = graph.edge(v, w) as { points?: Place[] }
    const [start, end] = [places.get(v)!, places.get(w)!]
    const middle = nodeSize.height / 2
    // Its own first and last points lie where the straight line to the middle of a job meets its border.
    const through = [
      { x: start.x + nodeSize.width, y: start.y + middle },
      ...points.slice(1, -1),
      { x: end.x, y: end.y + middle },
    ]
    return { from: v, to: w, path: pathThrough(through) }
  })
  return { width, height, places, edges }
}

/** A line through the points that leaves and arrives level. */
export function pathThrough(points: readonly Place[]): string {
  const [first, ...rest] = points
  if (!first) return ''
  let path = `M${round(first.x)} ${round(first.y)}`
  let before = first
  for (const point of rest) {
    const middle = round((before.x + point.x) / 2)
    path += ` C${middle} ${round(before.y)} ${middle} ${round(point.y)} ${round(point.x)} ${round(point.y)}`
    before = point
  }
  return path
}

const round = (value: number): number => Math.round(value * 10) / 10
