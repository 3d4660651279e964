import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createI18n } from 'vue-i18n'
import { literalsOf, readSources } from '../testing/sources.ts'
import enRest from './en.rest.ts'
import enFirst from './en.ts'
import { vocabularies } from './vocabularies.ts'
import zhRest from './zh-CN.rest.ts'
import zhFirst from './zh-CN.ts'

const en = { ...enFirst, ...enRest }
const zh = { ...zhFirst, ...zhRest }

type Words = Map<string, string>

function flatten(catalogue: object): Words {
  const words: Words = new Map()
  const walk = (part: object, path: string) => {
    for (const [name, value] of Object.entries(part)) {
      const key = path ? `${path}.${name}` : name
      if (typeof value === 'string') words.set(key, value)
      else if (typeof value === 'object' && value !== null && !Array.isArray(value)) walk(value, key)
      else throw new Error(`${key} is neither words nor a group of them`)
    }
  }
  walk(catalogue, '')
  return words
}

const catalogues = { en: flatten(en), 'zh-CN': flatten(zh) }
const all = [...catalogues.en.keys()]
const areas = new Set(Object.keys(en))
const sources = readSources()
const { strings, patterns } = literalsOf(sources.pieces)

/** A literal that could only be a key: its first part is a catalogue. */
const isKeyLike = (text: string) => /^[a-z]\w*(\.[\w-]+)+$/.test(text) && areas.has(text.slice(0, text.indexOf('.')))
const placeholders = (words: string) => [...new Set(words.match(/\{\w+\}/g) ?? [])].sort()

test('both catalogues hold the same keys', () => {
  expect([...catalogues['zh-CN'].keys()].sort()).toEqual([...all].sort())
})

test('no words are empty, and none begin or end with a space', () => {
  const wrong = Object.values(catalogues).flatMap((words) =>
    [...words].filter(([, text]) => (text !== text.trim() && /\p{L}/u.test(text)) || text === '').map(([key]) => key),
  )
  expect(wrong).toEqual([])
})

test('every key that the code names is in the catalogues', () => {
  const wrong = strings.filter(
    ({ text, of }) =>
      ((of === 't' || of === 'te') && !catalogues.en.has(text)) ||
      // Elsewhere a word with dots may be something else: a permission, an event.
      (isKeyLike(text) && of === null && !catalogues.en.has(text)),
  )
  expect(wrong.map(({ where, text }) => `${where}: ${text}`)).toEqual([])
})

test('every key that the code makes comes from a closed list, and the catalogues have every word of it', () => {
  const made = patterns.filter(({ text, of }) => of === 't' || of === 'te' || /^[a-z]\w*\.[\w.]*\*/.test(text))
  const keys = made.filter(({ text, of }) => of === 't' || areas.has(text.split('.', 1)[0]!))
  const unknown = keys.filter(({ text }) => !(text in vocabularies) && text !== 'reason.*')
  expect(unknown.map(({ where, text }) => `${where}: ${text} is not in vocabularies.ts`)).toEqual([])
  const missing = Object.entries(vocabularies).flatMap(([pattern, list]) =>
    list.map((word) => pattern.replace('*', word)).filter((key) => !catalogues.en.has(key)),
  )
  expect([...new Set(missing)]).toEqual([])
  const unused = Object.keys(vocabularies).filter((pattern) => !keys.some(({ text }) => text === pattern))
  expect(unused, 'vocabularies that nothing uses').toEqual([])
})

test('no key is without use', () => {
  const used = new Set(strings.map(({ text }) => text))
  for (const [pattern, list] of Object.entries(vocabularies)) {
    for (const word of list) used.add(pattern.replace('*', word))
  }
  expect(all.filter((key) => !used.has(key) && !key.startsWith('reason.'))).toEqual([])
})

test('every reason is one that the server gives', () => {
  const repository = fileURLToPath(new URL('../../../..', import.meta.url))
  const given = new Set<string>()
  for (const folder of ['packages/core/src', 'packages/services/src', 'packages/workflow/src', 'apps/server/src']) {
    for (const file of readdirSync(join(repository, folder), { recursive: true }) as string[]) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
      const content = readFileSync(join(repository, folder, file), 'utf8')
      for (const [, reason] of content.matchAll(/['"`]([a-z]+\.[a-z_]+)['"`]/g)) given.add(reason!)
      for (const [, thing] of content.matchAll(/notFound\(\s*'([a-z]+)'/g)) given.add(`${thing}.not_found`)
    }
  }
  const wrong = all
    .filter((key) => key.startsWith('reason.'))
    .filter((key) => ![...given].some((reason) => `reason.${reason.replace('.', '_')}` === key))
  expect(wrong).toEqual([])
})

/** Text that is the same in every language. */
const universal = /^(Juanie|juanie|Ctrl|Esc|Enter|Tab|Git|YAML|Node\.js|v|ms|px|#|⌘K|⌘|K|s|x|\s|[^\p{L}])*$/u

test('templates show no text that is not from the catalogues', () => {
  const wrong = sources.shown.filter(({ text }) => /\p{L}/u.test(text) && !universal.test(text))
  expect(wrong.map(({ where, attribute, text }) => `${where}: ${attribute ?? 'text'} "${text}"`)).toEqual([])
})

test('code holds no sentence that is not from the catalogues', () => {
  // What a developer reads may be English: errors that are thrown for bugs.
  const wrong = [...strings, ...patterns].filter(
    ({ text, of }) =>
      of !== 'Error' &&
      (/^[A-Z][a-z']+( [\w*'’.,–-]+)+[.!?…]?$/.test(text) || /\p{Script=Han}/u.test(text.replace('简体中文', ''))),
  )
  expect(wrong.map(({ where, text }) => `${where}: "${text}"`)).toEqual([])
})

test('templates join no words in their expressions', () => {
  const wrong = sources.pieces
    .filter(({ isTemplate }) => isTemplate)
    .flatMap((piece) => {
      const { patterns: made } = literalsOf([piece])
      return made.filter(
        ({ text }) => /(^|[^\w.-])[A-Z]?[a-z]{2,} [a-z]{2,}([^\w-]|$)/.test(text) && / \*|\* /.test(text),
      )
    })
    // Classes are made of words with spaces too, but those have dashes or stand alone.
    .filter(({ text }) => !/(^| )(flex|grid|text-|bg-|border|rounded|size-|h-|w-)/.test(text))
  expect(wrong.map(({ where, text }) => `${where}: ${text}`)).toEqual([])
})

test('both languages fill in the same values', () => {
  const wrong = all.filter((key) => {
    const [a, b] = [catalogues.en.get(key)!, catalogues['zh-CN'].get(key) ?? '']
    return placeholders(a).join() !== placeholders(b).join()
  })
  expect(wrong).toEqual([])
})

test('every sentence can be read by the message reader', () => {
  const wrong: string[] = []
  for (const [locale, words] of Object.entries(catalogues)) {
    const { global } = createI18n({ legacy: false, locale, fallbackLocale: false, messages: { [locale]: {} } })
    for (const [key, text] of words) {
      const values = Object.fromEntries(placeholders(text).map((name) => [name.slice(1, -1), `<${name}>`]))
      global.setLocaleMessage(locale, { text })
      const read = (global.t as (key: string, values: object, plural: number) => string)('text', values, 2)
      if (
        Object.keys(values).some(
          (name) => text.split('|').at(-1)!.includes(`{${name}}`) && !read.includes(`<{${name}}>`),
        )
      )
        wrong.push(`${locale} ${key}: a value is lost in "${read}"`)
      if (!text.includes('|') && text.includes("{'") === false && /[{}@]/.test(text.replace(/\{\w+\}/g, '')))
        wrong.push(`${locale} ${key}: write {'@'} for a sign that has a meaning`)
    }
  }
  expect(wrong).toEqual([])
})

test('plural forms are English only, and two or three', () => {
  const wrong = all.filter((key) => {
    const forms = catalogues.en.get(key)!.split(' | ').length
    return forms > 3 || (catalogues['zh-CN'].get(key) ?? '').includes(' | ')
  })
  expect(wrong).toEqual([])
})

/** Names that Chinese texts write as they are. */
const foreign = new Set(
  `Juanie juanie Webhook Git git GitHub Node js npm npx YAML JSON CPU URL HTTP HTTPS SSH API ID CLI CSV GB MB kB ms PostgreSQL
  Compose compose yaml Procfile Docker Kubernetes Flux Ctrl Shift Esc Enter Tab OK ANSI UTC PR SHA Markdown README Python
  main push clone commit HTML p50 p95 p99 DATABASE TOKEN SIGKILL env cron stdin stdout stderr JavaScript Ada shop
  hello MiB GET PORT PID HOST JUANIE_ NUL Base64 vars secrets DATABASE_URL xx`
    .split(/\s+/)
    .map((word) => word.toLowerCase()),
)

test('Chinese is Chinese: no English words are left, and its signs are its own', () => {
  const wrong: string[] = []
  for (const [key, text] of catalogues['zh-CN']) {
    const bare = text.replace(/\{[^}]*\}/g, '').replace(/`[^`]*`/g, '')
    for (const [word] of bare.matchAll(/[A-Za-z][\w]+/g)) {
      if (!foreign.has(word.toLowerCase())) wrong.push(`${key}: "${word}" in "${text}"`)
    }
    if (/\p{Script=Han}\s*[,;:!?](?!\d)|\p{Script=Han}\.(\s|$)/u.test(text))
      wrong.push(`${key}: half-width sign in "${text}"`)
    if (/\p{Script=Han} \p{Script=Han}/u.test(text)) wrong.push(`${key}: space between characters in "${text}"`)
    const english = catalogues.en.get(key) ?? ''
    if (/[.?!]$/.test(english) !== /[。？！]$/.test(text))
      wrong.push(`${key}: one is a sentence and one is not: "${english}" "${text}"`)
  }
  expect(wrong).toEqual([])
})

test('English holds no Chinese', () => {
  const wrong = [...catalogues.en].filter(([, text]) => /\p{Script=Han}/u.test(text)).map(([key]) => key)
  expect(wrong).toEqual([])
})
