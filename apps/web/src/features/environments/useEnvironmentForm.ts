import type { EnvironmentConfig } from '@juanie/services/environments/contract'
import { computed, reactive, shallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { formatNumber, formatSetTime } from '@/lib/times.ts'
import { isTime, limits, longestBranch, namePattern, positions, type Setting, settings } from './limits.ts'

export type Following = 'none' | 'default' | 'branch'

interface Given {
  name: string
  position: number | null
  config: EnvironmentConfig
}

const followingOf = ({ follows }: EnvironmentConfig): Following =>
  follows === null ? 'none' : 'branch' in follows ? 'branch' : 'default'

const valuesOf = ({ name, position, config }: Given) => ({
  name,
  position: position === null ? '' : String(position),
  following: followingOf(config),
  branch: config.follows && 'branch' in config.follows ? config.follows.branch : '',
  replicas: config.replicas?.toString() ?? '',
  healthy: config.healthy?.toString() ?? '',
  soakMs: config.soakMs ?? null,
  drainMs: config.drainMs ?? null,
  startLimitMs: config.startLimitMs ?? null,
  probeTimeoutMs: config.probeTimeoutMs ?? null,
})

/** Null: empty. NaN: no whole number. */
const readWhole = (text: string): number | null =>
  text.trim() === '' ? null : /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN

/** What somebody fills in for an environment, what is wrong with it, and what would change. */
export function useEnvironmentForm(given: Given) {
  const { t } = useI18n()
  const values = reactive(valuesOf(given))
  const saved = shallowRef(valuesOf(given))

  const numberOf = (setting: Setting): number | null =>
    setting === 'replicas' || setting === 'healthy' ? readWhole(values[setting]) : values[setting]
  const shownLimit = (setting: Setting, value: number) => (isTime(setting) ? formatSetTime(value) : formatNumber(value))

  const problems = computed(() => {
    const found: Partial<Record<Setting | 'name' | 'position' | 'branch', string>> = {}
    if (!namePattern.test(values.name)) found.name = t('environments.form.nameWrong')
    const position = readWhole(values.position)
    if (position !== null && !(position >= positions[0] && position <= positions[1])) {
      found.position = t('environments.form.outside', { least: positions[0], most: formatNumber(positions[1]) })
    }
    if (values.following === 'branch') {
      const { length } = values.branch.trim()
      if (length === 0 || length > longestBranch)
        found.branch = t('environments.form.branchWrong', { most: longestBranch })
    }
    for (const setting of settings) {
      const value = numberOf(setting)
      const [least, most] = limits[setting]
      if (value === null || (value >= least && value <= most)) continue
      found[setting] = t('environments.form.outside', {
        least: shownLimit(setting, least),
        most: shownLimit(setting, most),
      })
    }
    return found
  })

  const follows = computed<EnvironmentConfig['follows']>(() => {
    if (values.following === 'none') return null
    return values.following === 'default' ? { default: true } : { branch: values.branch.trim() }
  })

  /** What differs from what was given; of numbers null takes the setting away. */
  const changes = computed(() => {
    const config: Record<string, unknown> = {}
    const was = saved.value
    if (values.following !== was.following || (values.following === 'branch' && values.branch.trim() !== was.branch)) {
      config.follows = follows.value
    }
    for (const setting of settings) if (values[setting] !== was[setting]) config[setting] = numberOf(setting)
    const position = readWhole(values.position)
    return {
      ...(position !== null && values.position !== was.position && { position }),
      ...(Object.keys(config).length > 0 && { config }),
    }
  })

  return {
    values,
    problems,
    changes,
    isChanged: computed(() => Object.keys(changes.value).length > 0),
    isRight: computed(() => Object.keys(problems.value).length === 0),
    /** Begins anew from what the server says now. */
    reset(now: Given) {
      saved.value = valuesOf(now)
      Object.assign(values, saved.value)
    },
  }
}

export type EnvironmentForm = ReturnType<typeof useEnvironmentForm>
