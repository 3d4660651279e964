import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { type Refusal, refusalOf } from './api.ts'
import { type Domain, queryClient } from './queries.ts'

/** The sentence for a refusal: that of the catalogue where it has one, else the server's own. */
export function useRefusals() {
  const { t, te } = useI18n()
  const sentence = (refusal: Refusal): string => {
    const key = refusal.reason && `reason.${refusal.reason.replaceAll('.', '_')}`
    if (key && te(key)) return t(key, refusal.details)
    if (refusal.kind === 'offline') return t('common.offline')
    // An outage that the server has a name for says what is away and what to do; one that it has none for is a defect.
    if (refusal.kind === 'broken' && (!refusal.reason || refusal.reason === 'internal')) return t('common.broken')
    return refusal.message
  }
  return { sentence, sentenceOf: (error: unknown) => sentence(refusalOf(error)) }
}

/**
 * One thing that a person can do: `busy` while it is under way, `wrong` the sentence of why it was refused. What it
 * changed is asked again.
 */
export function useAction<Args extends unknown[], Result>(
  act: (...args: Args) => Promise<Result>,
  options: { changes?: Domain[]; done?: (result: Result) => void } = {},
) {
  const { t } = useI18n()
  const { sentenceOf } = useRefusals()
  const busy = ref(false)
  const wrong = ref<string | null>(null)
  const run = async (...args: Args): Promise<Result | undefined> => {
    if (busy.value) return undefined
    busy.value = true
    wrong.value = null
    try {
      const result = await act(...args)
      await Promise.all((options.changes ?? []).map((domain) => queryClient.invalidateQueries({ queryKey: [domain] })))
      options.done?.(result)
      return result
    } catch (error) {
      // Nobody sends it again but the person, and the answer may be all that was lost.
      wrong.value = refusalOf(error).kind === 'offline' ? t('common.notSent') : sentenceOf(error)
      return undefined
    } finally {
      busy.value = false
    }
  }
  return { run, busy, wrong, forget: () => (wrong.value = null) }
}
