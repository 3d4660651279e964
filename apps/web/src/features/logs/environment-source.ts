import { shallowRef } from 'vue'
import { getJson } from '@/lib/api.ts'
import { cutAt, cutLine, type Found, type LogLine, type LogSource, type Part } from './source.ts'
import { idle, openStream } from './stream.ts'

interface Instance {
  instanceId: string
  service: string
  index: number
  deployment: number
}

interface Page {
  sources: Instance[]
  lines: [source: number, line: number, at: number, text: string, length?: number][]
  position: string
  isEnd: boolean
  /** Of everything that is stored. */
  end: string
}

interface Frame extends Instance {
  firstSeq: number
  lines: [at: number, text: string][]
}

const pageLines = 1_000
/** The server answers no more at once. */
const mostLines = 5_000
/** Places that are kept for coming back. */
const mostPlaces = 5_000

/**
 * What the instances of an environment say, merged by time. A line has no number of its own in it: here it is counted
 * how many lie before it, and each number that was passed is kept with its position, from which the server goes on.
 */
export function environmentLogSource({
  projectId,
  environment,
}: {
  projectId: string
  environment: string
}): LogSource {
  const base = `/api/projects/${projectId}/environments/${encodeURIComponent(environment)}/logs`
  const first = shallowRef(1)
  const total = shallowRef(0)
  const size = shallowRef(0)
  const hasOlder = shallowRef(false)
  const isAtTail = shallowRef(true)
  /** Position of the last line that is known, for following on from there. */
  let end = ''
  const state = idle()
  const instances = new Map<string, Instance>()
  /** How many lines lie before a place → its position. */
  const places = new Map<number, string>([[0, '']])

  const keep = (before: number, position: string) => {
    places.set(before, position)
    for (const oldest of places.keys()) {
      if (places.size <= mostPlaces) break
      if (oldest !== 0) places.delete(oldest)
    }
  }
  const speakerOf = ({ instanceId, service, index, deployment }: Instance): string | undefined => {
    const many = [...instances.values()]
    if (many.length < 2 || !instances.has(instanceId)) return undefined
    return many.some((other) => other.deployment !== deployment)
      ? `${service}.${index} #${deployment}`
      : `${service}.${index}`
  }
  const ask = async (query: Record<string, string | number>, signal: AbortSignal): Promise<Page> => {
    const asked = new URLSearchParams(
      Object.entries({ cut: cutAt, ...query }).map(([name, value]) => [name, `${value}`]),
    )
    const page = await getJson<Page>(`${base}/lines?${asked}`, signal)
    for (const source of page.sources) instances.set(source.instanceId, source)
    size.value = countOf(page.end)
    keep(size.value, page.end)
    return page
  }
  const linesOf = (page: Page): LogLine[] =>
    page.lines.map(([source, , at, text, length]) => {
      const speaker = speakerOf(page.sources[source]!)
      return { at, text, length: length ?? text.length, ...(speaker && { speaker }) }
    })
  /** The nearest place at or before a number, or at or after it. */
  const near = (before: number, side: 'at or before' | 'at or after'): { before: number; position: string } => {
    if (instances.size === 1) return { before, position: `${[...instances.keys()][0]}:${before}` }
    const all = [...places.keys()].filter((one) => (side === 'at or before' ? one <= before : one >= before))
    const found = side === 'at or before' ? Math.max(0, ...all) : Math.min(...all)
    return { before: found, position: places.get(found) ?? '' }
  }

  const tail = async (signal: AbortSignal): Promise<Part> => {
    const page = await ask({ limit: pageLines }, signal)
    total.value = size.value
    first.value = total.value - page.lines.length + 1
    end = page.end
    keep(first.value - 1, page.position)
    hasOlder.value = !page.isEnd
    isAtTail.value = true
    return { first: first.value, lines: linesOf(page) }
  }
  const read = async (from: number, count: number, signal: AbortSignal): Promise<Part> => {
    const start = near(from - 1, 'at or before')
    const limit = Math.min(mostLines, from - 1 - start.before + count)
    const page = await ask({ after: start.position, limit }, signal)
    keep(start.before + page.lines.length, page.position)
    return { first: start.before + 1, lines: linesOf(page) }
  }

  return {
    key: base,
    first,
    total,
    size,
    state,
    marks: shallowRef([]),
    hasLinks: false,
    beginsAtEnd: true,
    downloadUrl: `${base}.txt`,
    open: (_at, signal) => tail(signal),
    lines: read,
    whole: async (line, signal) => {
      const start = near(line - 1, 'at or before')
      const asked = new URLSearchParams({ after: start.position, limit: `${line - start.before}` })
      const { lines } = await getJson<Page>(`${base}/lines?${asked}`, signal)
      return lines[line - 1 - start.before]?.[3] ?? ''
    },
    search: async (text, from, signal) => {
      const isBack = 'before' in from
      const place = isBack
        ? near(Math.min(from.before - 1, size.value), 'at or after')
        : near(from.after, 'at or before')
      const asked = new URLSearchParams({ q: text, [isBack ? 'before' : 'after']: place.position })
      const found = await getJson<Omit<Found, 'reached'> & { places: [number, string][]; reached: string }>(
        `${base}/search?${asked}`,
        signal,
      )
      for (const [before, position] of found.places) keep(before, position)
      const reached = countOf(found.reached)
      keep(reached, found.reached)
      return {
        matches: found.matches
          .map((before) => before + 1)
          .filter((line) => (isBack ? line < from.before : line > from.after)),
        reached: isBack ? reached + 1 : reached,
        isDone: found.isDone,
      }
    },
    follow: (hear) =>
      openStream({
        event: 'message',
        state,
        url: () => `${base}?${new URLSearchParams({ follow: '1', lastEventId: end })}`,
        hear: (data, id) => {
          const { lines, ...said } = JSON.parse(data) as Frame
          instances.set(said.instanceId, said)
          const speaker = speakerOf(said)
          const part = {
            first: total.value + 1,
            lines: lines.map(([at, text]) => ({ ...cutLine(at, text), ...(speaker && { speaker }) })),
          }
          total.value += lines.length
          size.value = Math.max(size.value, total.value)
          end = id
          keep(total.value, end)
          hear(part)
        },
      }),
    window: {
      hasOlder,
      isAtTail,
      older: async (signal) => {
        const place = near(first.value - 1, 'at or after')
        const page = await ask({ before: place.position, limit: pageLines }, signal)
        const start = place.before - page.lines.length
        keep(start, page.position)
        first.value = Math.min(first.value, start + 1)
        hasOlder.value = !page.isEnd
        return { first: start + 1, lines: linesOf(page) }
      },
      newer: async (signal) => {
        const start = near(total.value, 'at or before')
        const page = await ask({ after: start.position, limit: total.value - start.before + pageLines }, signal)
        total.value = Math.max(total.value, start.before + page.lines.length)
        end = page.position
        keep(total.value, end)
        isAtTail.value = page.isEnd
        return { first: start.before + 1, lines: linesOf(page) }
      },
      reach: async (line, signal) => {
        const start = near(line - 1, 'at or before')
        const page = await ask(
          { after: start.position, limit: Math.min(mostLines, line - start.before + pageLines) },
          signal,
        )
        first.value = start.before + 1
        total.value = start.before + page.lines.length
        keep(start.before, start.position)
        end = page.position
        keep(total.value, end)
        hasOlder.value = start.before > 0
        isAtTail.value = page.isEnd
        return { first: first.value, lines: linesOf(page) }
      },
      tail,
    },
  }
}

/** How many lines lie before a position: `<instance>:<number>,…`. */
const countOf = (position: string): number =>
  position.split(',').reduce((sum, part) => sum + Number(part.slice(part.lastIndexOf(':') + 1) || 0), 0)
