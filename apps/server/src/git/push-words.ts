import { plain } from '@juanie/core/text'
import type { StartedRun } from '@juanie/services/runs'

/** What a pusher reads as `remote:` lines when refs have moved. */
export function startedWords(started: StartedRun[], moved: number): string[] {
  if (moved === 0) return []
  if (started.length === 0) return ['Juanie: no workflow runs on this push.']
  return started.flatMap((run) => {
    if (run.status !== 'invalid')
      return [`Juanie: run #${run.number} of ${named(run.workflow)} started, watch it at`, `  ${run.url}`]
    const [first, ...more] = run.problems.filter(({ severity }) => severity === 'error')
    const place = first
      ? `${named(first.file)}${first.position ? `:${first.position.line}:${first.position.column}` : ''}: `
      : ''
    return [
      `Juanie: run #${run.number} is invalid: ${place}${named(first?.message ?? 'the workflow cannot be read.')}`,
      ...(more.length > 0 ? [`  and ${more.length} more`] : []),
      `  ${run.url}`,
    ]
  })
}

/** The workflow is somebody's: its words reach the terminal of whoever pushes, and git shows them as they are. */
const named = (text: string): string => plain(text).replace(/[\t\n]/g, ' ')

export const tooLargeWords = (maxBytes: number): string[] => [
  `Juanie: the push is larger than the limit of ${size(maxBytes)}.`,
  '  Push less at once, or let the operator raise JUANIE_GIT_MAX_PUSH_BYTES.',
]

export const laterWords = ['Juanie: the push is stored. Its run could not be started yet and will start by itself.']

const size = (bytes: number): string =>
  bytes >= 1024 * 1024 ? `${Math.round(bytes / 1024 / 1024)} MiB` : `${Math.round(bytes / 1024)} KiB`
