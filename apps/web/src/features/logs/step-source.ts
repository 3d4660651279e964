import { shallowRef } from 'vue'
import { getJson } from '@/lib/api.ts'
import {
  cutAt,
  cutLine,
  type Found,
  type LogLine,
  type LogSource,
  type Mark,
  type MarkKind,
  type Part,
} from './source.ts'
import { idle, openStream } from './stream.ts'

interface StepOf {
  projectId: string
  /** Number or id. */
  run: number | string
  /** Id. */
  job: string
  /** Place in the job, from 0. */
  step: number
}

type Row = [line: number, at: number, text: string, length?: number]

interface Answer {
  lines: Row[]
  total: number
  isOver: boolean
}

const mostMarks = 200_000

/** The stored log of one step of a run. */
export function stepLogSource({ projectId, run, job, step }: StepOf): LogSource {
  const base = `/api/projects/${projectId}/runs/${run}/jobs/${job}/steps/${step}`
  const total = shallowRef(0)
  const marks = shallowRef<Mark[]>([])
  const state = idle()

  const read = async (query: Record<string, number>, signal: AbortSignal): Promise<Part> => {
    const asked = new URLSearchParams(
      Object.entries({ cut: cutAt, ...query }).map(([name, value]) => [name, `${value}`]),
    )
    const answer = await getJson<Answer>(`${base}/lines?${asked}`, signal)
    total.value = Math.max(total.value, answer.total)
    return { first: answer.lines[0]?.[0] ?? 1, lines: answer.lines.map(lineOf) }
  }

  const readMarks = async (signal: AbortSignal): Promise<void> => {
    let next: number | null = marks.value.at(-1)?.line ?? 0
    while (next !== null && marks.value.length < mostMarks) {
      const page: { marks: [number, MarkKind][]; next: number | null } = await getJson(
        `${base}/marks?after=${next}`,
        signal,
      )
      marks.value = [...marks.value, ...page.marks.map(([line, kind]) => ({ line, kind }))]
      next = page.next
    }
  }

  return {
    key: base,
    first: shallowRef(1),
    total,
    size: total,
    state,
    marks,
    hasLinks: true,
    beginsAtEnd: false,
    downloadUrl: `${base}/log.txt`,
    open: async (at, signal) => {
      const where: Record<string, number> =
        at === 'end' ? { limit: 200 } : { after: Math.max(0, at === 'start' ? 0 : at - 100), limit: 300 }
      // Together, since folded groups decide where the lines stand.
      const [part] = await Promise.all([read(where, signal), readMarks(signal)])
      return part
    },
    lines: (from, count, signal) => read({ after: from - 1, limit: count }, signal),
    whole: async (line, signal) => {
      const { lines } = await getJson<Answer>(`${base}/lines?after=${line - 1}&limit=1`, signal)
      return lines[0]?.[2] ?? ''
    },
    search: (text, from, signal) => {
      const place: [string, string] = 'after' in from ? ['after', `${from.after}`] : ['before', `${from.before}`]
      return getJson<Found>(`${base}/search?${new URLSearchParams([['q', text], place])}`, signal)
    },
    follow: (hear) =>
      openStream({
        event: 'lines',
        state,
        url: () => `${base}/log?after=${total.value}`,
        hear: (data, id) => {
          const last = Number(id)
          const rows = data.split('\n').map((row) => JSON.parse(row) as [number, string])
          const first = last - rows.length + 1
          // A frame that was on its way when the connection was made anew.
          const isNew = rows.slice(Math.max(0, total.value + 1 - first))
          if (first > total.value + 1 || isNew.length === 0) return
          const part = { first: last - isNew.length + 1, lines: isNew.map(([at, text]) => cutLine(at, text)) }
          const marked = marks.value.at(-1)?.line ?? 0
          const more = marksOf(part).filter(({ line }) => line > marked)
          if (more.length > 0 && marks.value.length < mostMarks) marks.value = [...marks.value, ...more]
          total.value = last
          hear(part)
        },
      }),
  }
}

const lineOf = ([, at, text, length]: Row): LogLine => ({ at, text, length: length ?? text.length })

/** As the agent marks them, and as the server keeps a list of. */
function marksOf({ first, lines }: Part): Mark[] {
  const marks: Mark[] = []
  for (const [index, { text }] of lines.entries()) {
    const kind = text.startsWith('##[') ? /^##\[(group|endgroup|error|warning)\]/.exec(text)?.[1] : undefined
    if (kind) marks.push({ line: first + index, kind: kind as MarkKind })
  }
  return marks
}
