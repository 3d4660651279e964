import { plain } from '@juanie/core/text'
import type { LocalRun, LocalRunEvent } from '@juanie/services/local-runs/contract'
import { reasonOf } from '../reasons.ts'

/** One line for a terminal or a file; `log` are those of the programs that ran. */
export interface Line {
  kind: 'log' | 'news'
  text: string
}

const colours = { error: 31, warning: 33, notice: 36, group: 1, succeeded: 32, failed: 31, timed_out: 31 } as const
const reset = '\u001b[0m'

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** Escape sequences other than colours could write anywhere on the terminal. */
export const shown = (text: string): string =>
  text
    .replace(/\u001b(?!\[[0-9;]*m)/g, '\uFFFD')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001a\u007f-\u009f]/g, '\uFFFD')

/** Words for a run without a server as it goes on, in the lines that `run watch` and `logs` show of others. */
export class RunLines {
  readonly #isColoured: boolean
  #heading = ''

  constructor({ isColoured }: { isColoured: boolean }) {
    this.#isColoured = isColoured
  }

  of(event: LocalRunEvent): Line[] {
    switch (event.kind) {
      case 'begun': {
        const { workflow, event: name, ref, commit, isDirty, isolation } = event
        const dirty = isDirty ? ', with what is not committed yet' : ''
        const where = `${plain(ref.replace(/^refs\/(heads|tags)\//, ''))} ${commit.slice(0, 12)}${dirty}`
        const lines = [`${plain(workflow)} on ${plain(name)}: ${where}`]
        if (isolation === 'trusted') {
          lines.push('  Steps run as you and can read what you can; install bubblewrap to change that.')
        }
        return lines.map(news)
      }
      case 'job': {
        const line = `  ${plain(event.name)}: ${this.#status(event.status)}`
        return [line, ...(event.reason ? [`    ${plain(reasonOf(event.reason))}`] : [])].map(news)
      }
      case 'step': {
        if (event.status === 'running') return this.#headed(event.job, event.name)
        const took = event.durationMs === null ? '' : `  ${seconds(event.durationMs)}`
        return [news(`    ${plain(event.job)} / ${plain(event.name)}: ${this.#status(event.status)}${took}`)]
      }
      case 'lines':
        return [
          ...this.#headed(event.job, event.step),
          ...event.lines.flatMap(([, text]): Line[] => {
            const marked = this.#marked(shown(text))
            return marked === null ? [] : [{ kind: 'log', text: marked }]
          }),
        ]
      case 'ended':
        return this.#summary(event.run).map(news)
    }
  }

  /** Says whose lines follow, unless the ones before were of the same step. */
  #headed(job: string, step: string): Line[] {
    const heading = `— ${plain(job)} / ${plain(step)}`
    if (heading === this.#heading) return []
    this.#heading = heading
    return [news(heading)]
  }

  #summary(run: LocalRun): string[] {
    const took = Date.parse(run.finishedAt) - Date.parse(run.startedAt)
    const lines = ['', `${plain(run.workflow)}: ${this.#status(run.status)} in ${seconds(took)}`]
    for (const { name, status, reason, startedAt, finishedAt } of run.jobs) {
      const time = startedAt && finishedAt ? `  ${seconds(Date.parse(finishedAt) - Date.parse(startedAt))}` : ''
      lines.push(`  ${this.#status(status, 10)} ${plain(name)}${time}`)
      if (reason) lines.push(`             ${plain(reasonOf(reason))}`)
    }
    return lines
  }

  /** Null for the end of a group, which is nothing to see. */
  #marked(text: string): string | null {
    const [, mark, rest = ''] = /^##\[(error|warning|notice|group|endgroup)\](.*)$/s.exec(text) ?? []
    if (mark === undefined) return text
    if (mark === 'endgroup') return null
    return this.#coloured(mark === 'group' ? `▸ ${rest}` : `${mark}: ${rest}`, mark)
  }

  #status(status: string, width = 0): string {
    return this.#coloured(status.replace('_', ' ').padEnd(width), status)
  }

  #coloured(text: string, by: string): string {
    const code = Object.hasOwn(colours, by) ? colours[by as keyof typeof colours] : null
    return this.#isColoured && code !== null ? `\u001b[${code}m${text}${reset}` : text
  }
}

const news = (text: string): Line => ({ kind: 'news', text })
