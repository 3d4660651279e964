import { createI18n } from 'vue-i18n'

export const languages = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof languages

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  // Nothing falls back: a missing word is a defect that a test finds, not a mixture of languages.
  fallbackLocale: false,
  messages: {},
})

type Catalogue = () => Promise<{ default: object }>

const first: Record<Language, Catalogue> = {
  en: () => import('../locales/en.ts'),
  'zh-CN': () => import('../locales/zh-CN.ts'),
}
const rest: Record<Language, Catalogue> = {
  en: () => import('../locales/en.rest.ts'),
  'zh-CN': () => import('../locales/zh-CN.rest.ts'),
}

/** The same cookie as on the pages before the sign-in, so that a choice made there holds here. */
const cookie = 'juanie_language'

export function preferredLanguage(): Language {
  const kept = document.documentElement.lang
  return kept === 'zh-CN' ? 'zh-CN' : 'en'
}

const isWhole = new Set<Language>()

/** Loads the words that every page needs, then shows them. */
export async function loadLanguage(language: Language): Promise<void> {
  const { default: messages } = await first[language]()
  i18n.global.mergeLocaleMessage(language, messages)
  i18n.global.locale.value = language
  document.documentElement.lang = language
}

/** Loads the words of all other pages, once for each language; before anything but the overview of a project is shown. */
export async function loadAllWords(language = i18n.global.locale.value as Language): Promise<void> {
  if (isWhole.has(language)) return
  const { default: messages } = await rest[language]()
  i18n.global.mergeLocaleMessage(language, messages)
  isWhole.add(language)
}

export async function chooseLanguage(language: Language): Promise<void> {
  await loadAllWords(language)
  await loadLanguage(language)
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari.
  document.cookie = `${cookie}=${language}; path=/; max-age=${365 * 86_400}; samesite=lax`
}
