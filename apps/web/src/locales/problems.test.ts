import * as ofApplications from '@juanie/services/applications/sentences'
import * as ofWorkflows from '@juanie/workflow/sentences'
import { expect, test } from 'vitest'
import { createI18n } from 'vue-i18n'
import en from './en/problems.ts'

const tables: [string, Record<string, string>, typeof ofWorkflows.sentenceOf][] = [
  ['workflow', ofWorkflows.sentences, ofWorkflows.sentenceOf],
  ['application', ofApplications.sentences, ofApplications.sentenceOf],
]
const all = tables.flatMap(([area, sentences, sentenceOf]) =>
  Object.entries(sentences).map(([key, template]) => ({ area, key, template, sentenceOf })),
)

test.each(all)(
  'the console says in English what the server says: $area, $key',
  ({ area, key, template, sentenceOf }) => {
    const { global } = createI18n({ legacy: false, locale: 'en', messages: { en: { ...en } } })
    // Names and texts come from files that people write.
    const values = Object.fromEntries(
      [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name!, `<${name}> {0} @:x | \${{ }}`]),
    )
    expect(global.t(`${area}.${key}`, values)).toBe(sentenceOf({ key, values }))
  },
)
