import type { Said } from '@juanie/workflow/say'
import { useI18n } from 'vue-i18n'

/** What the server tells in English, with its key and values where it has them. */
interface Told {
  message: string
  key?: string
  values?: Said['values']
}

/**
 * Says in the language of the page what the server tells of a workflow. What has no key, or one that this console does
 * not know, is said as it came; in another language it stands in quotes.
 */
export function useTold() {
  const { t, te } = useI18n()

  const say = ({ key, values }: Said): string | null => {
    if (!te(`problems.workflow.${key}`)) return null
    const filled = Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'object' ? (say(value) ?? '') : value,
    ])
    return t(`problems.workflow.${key}`, Object.fromEntries(filled))
  }

  return ({ message, key, values }: Told): string =>
    (key === undefined ? null : say({ key, values: values ?? {} })) ??
    t('problems.workflow.upstream', { text: message })
}
