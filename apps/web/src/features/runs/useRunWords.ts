import type { RunFault, Waiting } from '@juanie/services/runs/contract'
import { useI18n } from 'vue-i18n'
import { formatList } from '@/lib/times.ts'
import { useTold } from '@/lib/told.ts'
import { reasonKeys, saidBy } from './sentences.ts'

/** How the console says why a run, a job or a step stands as it does. */
export function useRunWords() {
  const { t } = useI18n()
  const told = useTold()

  /** A reason as the server gives it: a key, a sentence that is known, or words that are shown as they came. */
  const why = (reason: string): string => {
    if ((reasonKeys as readonly string[]).includes(reason)) return t(`runs.why.${reason.replace('.', '_')}`)
    const said = saidBy(reason)
    return said ? t(`runs.said.${said.key}`, said.values) : reason
  }

  /** Why a run failed, in one line. */
  const failed = ({ message, problem }: RunFault): string => {
    if (!problem) return message === null ? '' : why(message)
    return problem.position ? `${problem.file}:${problem.position.line}: ${told(problem)}` : told(problem)
  }

  /** What it waits for. */
  const waits = (waiting: Waiting): string => {
    switch (waiting.kind) {
      case 'needs':
        return t('runs.waits.needs', { jobs: formatList(waiting.jobs) }, waiting.jobs.length)
      case 'labels':
        return t('runs.waits.labels', { labels: formatList(waiting.labels) })
      case 'slots':
        return t('runs.waits.slots', { count: waiting.slots }, waiting.slots)
      default:
        return t(`runs.waits.${waiting.kind}`)
    }
  }

  /** Who or what can end that. */
  const ends = (waiting: Waiting): string => t(`runs.ends.${waiting.kind}`)

  return { why, failed, waits, ends }
}
