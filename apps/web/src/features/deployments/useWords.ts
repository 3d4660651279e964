import type { DeploymentRow, WaitsFor, Why } from '@juanie/services/deployments/contract'
import { useI18n } from 'vue-i18n'
import { formatTime } from '@/lib/times.ts'
import { sayAgentWords } from './agent-words.ts'

export interface Said {
  sentence: string
  /** What the agent or the description says of it. */
  detail: string | null
}

/** Says of deployments, in the language of the page, who asked, why they wait and why they ended. */
export function useWords() {
  const { t, locale } = useI18n()

  const detailOf = ({ details }: Why): string | null => {
    if (typeof details.detail === 'string') {
      return locale.value === 'en' ? details.detail : sayAgentWords(details.detail, t)
    }
    if (details.signal) return t('deployments.exit.signal', { signal: details.signal })
    return typeof details.code === 'number' ? t('deployments.exit.code', { code: details.code }) : null
  }

  /** Null: it went as it should, or nobody said why not. */
  const why = ({ why: cause, reason }: Pick<DeploymentRow, 'why' | 'reason'>): Said | null => {
    if (cause) return { sentence: t(`deployments.why.${cause.key}`, filled(cause.details)), detail: detailOf(cause) }
    return reason ? { sentence: reason, detail: null } : null
  }

  const wait = ({ key, details }: WaitsFor): { what: string; end: string } => {
    const values = {
      ...filled(details),
      ...(key === 'ahead' && { status: t(`status.${details.status ?? 'unknown'}`) }),
      ...(key === 'agent' && {
        since: details.lastSeenAt ? formatTime(details.lastSeenAt) : t('deployments.neverHeard'),
      }),
    }
    return { what: t(`deployments.wait.${key}`, values), end: t(`deployments.end.${key}`, values) }
  }

  const by = ({
    origin,
    kind,
    requestedBy,
    runNumber,
  }: Pick<DeploymentRow, 'origin' | 'kind' | 'requestedBy' | 'runNumber'>) => {
    if (origin === 'automatic') return t('deployments.by.automatic')
    if (origin === 'workflow') return t('deployments.by.workflow', { run: runNumber ?? 0 })
    return t(`deployments.by.${kind}`, { who: requestedBy ?? t('deployments.somebody') })
  }

  /** Why, in one line. */
  const line = (row: Pick<DeploymentRow, 'why' | 'reason'>): string | null => {
    const said = why(row)
    return said && [said.sentence, said.detail].filter(Boolean).join(' ')
  }

  return { why, line, wait, by }
}

const filled = (details: Why['details']): Record<string, string | number> =>
  Object.fromEntries(Object.entries(details).map(([name, value]) => [name, value ?? '']))
