import { sentenceOf, sentences } from '@juanie/workflow/sentences'
import { expect, test } from 'vitest'
import { createI18n } from 'vue-i18n'
import en from './en/problems.ts'

test.each(Object.entries(sentences))('the console says in English what the server says: %s', (key, template) => {
  const { global } = createI18n({ legacy: false, locale: 'en', messages: { en: { ...en } } })
  // Names and texts come from files that people write.
  const values = Object.fromEntries(
    [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name!, `<${name}> {0} @:x | \${{ }}`]),
  )
  expect(global.t(`workflow.${key}`, values)).toBe(sentenceOf({ key, values }))
})
