import type { Said } from '@juanie/workflow/say'
import { useI18n } from 'vue-i18n'

/** What the server tells in English, with its key and values where it has them. */
interface Told {
  message: string
  key?: string | undefined
  values?: Said['values'] | undefined
}

const areas = {
  workflow: (key: string) => `problems.workflow.${key}`,
  application: (key: string) => `problems.application.${key}`,
}

/**
 * Says in the language of the page what the server tells of a workflow, or of an application's description. What has no key, or one that this console does
 * not know, is said as it came; in another language it stands in quotes.
 */
export function useTold(area: keyof typeof areas = 'workflow') {
  const { t, te } = useI18n()

  const say = ({ key, values }: Said): string | null => {
    const words = areas[area](key)
    if (!te(words)) return null
    const filled = Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'object' ? (say(value) ?? '') : value,
    ])
    return t(words, Object.fromEntries(filled))
  }

  return ({ message, key, values }: Told): string =>
    (key === undefined ? null : say({ key, values: values ?? {} })) ??
    t('problems.workflow.upstream', { text: message })
}
