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

const catalogues: Record<Language, () => Promise<{ default: object }>> = {
  en: () => import('../locales/en.ts'),
  'zh-CN': () => import('../locales/zh-CN.ts'),
}

/** The same cookie as on the pages before the sign-in, so that a choice made there holds here. */
const cookie = 'juanie_language'

export function preferredLanguage(): Language {
  const kept = document.documentElement.lang
  return kept === 'zh-CN' ? 'zh-CN' : 'en'
}

/** Loads the words of a language, then shows them. */
export async function loadLanguage(language: Language): Promise<void> {
  const { default: messages } = await catalogues[language]()
  i18n.global.setLocaleMessage(language, messages)
  i18n.global.locale.value = language
  document.documentElement.lang = language
}

export async function chooseLanguage(language: Language): Promise<void> {
  await loadLanguage(language)
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and Safari.
  document.cookie = `${cookie}=${language}; path=/; max-age=${365 * 86_400}; samesite=lax`
}
