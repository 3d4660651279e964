/// <reference types="vite/client" />
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import en from '../apps/web/src/locales/en.ts'
import zh from '../apps/web/src/locales/zh-CN.ts'
import { hasBrowser, type Look, launchBrowser, Person, showTheme } from './lib/browser.ts'
import { furnish, people, secretValue } from './lib/furnish.ts'
import { axe, sideways, textsOf, walkByKeyboard } from './lib/looks.ts'
import { places } from './lib/places.ts'
import { type Dead, Presser } from './lib/presses.ts'
import { Shop } from './lib/shop.ts'

let shop: Shop
let browser: Browser
let ada: Person
/** Every page by its name; nothing here changes what they show. */
let all: Record<string, string>

/** How many pages are looked at side by side. */
const lanes = 3

/** Each of `items` once, several at a time, each lane with somebody of its own at a browser. */
async function inLanes<Item>(
  items: readonly Item[],
  open: () => Promise<Person>,
  work: (person: Person, item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items]
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      await using person = await open()
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(person, item)
    }),
  )
}

/** Somebody who is signed in as another is. */
async function as(other: Person, look: Look = {}): Promise<Person> {
  const person = await Person.open(browser, shop.juanie, look)
  await person.borrow(other)
  return person
}

async function signedIn(who: (typeof people)[keyof typeof people]): Promise<Person> {
  const person = await Person.open(browser, shop.juanie)
  await person.signIn(who)
  return person
}

const wordsOf = (part: object): string[] =>
  Object.values(part).flatMap((value) => (typeof value === 'string' ? value.split(' | ') : wordsOf(value)))

describe.skipIf(!hasBrowser)('the pages of the console', () => {
  beforeAll(async () => {
    shop = await Shop.open()
    all = places(await furnish(shop))
    browser = await launchBrowser()
    ada = await Person.open(browser, shop.juanie)
    await ada.signIn()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await shop?.[Symbol.asyncDispose]()
  })

  test('each has its title and heading, fits from 360 to 2560 pixels, and passes axe in both themes', async () => {
    const wrong: string[] = []
    const titles = new Map<string, string>()
    await inLanes(
      Object.entries(all),
      () => as(ada),
      async (person, [name, path]) => {
        const { page } = person
        const say = (what: string) => wrong.push(`${name} (${path}): ${what}`)
        await person.go(path)
        const title = await page.title()
        const [address = ''] = path.split('?')
        if (!title.endsWith(' · Juanie')) say(`the title "${title}" is not of its own`)
        if (titles.has(title) && titles.get(title) !== address)
          say(`"${title}" is the title of ${titles.get(title)} too`)
        titles.set(title, address)
        const headings = await page.locator('h1').count()
        if (headings !== 1) say(`${headings} headings of the first rank`)
        for (const theme of ['light', 'dark'] as const) {
          await showTheme(page, theme)
          // Nothing but the colours differs between the themes.
          for (const finding of await axe(page, theme === 'dark' ? ['color-contrast'] : undefined))
            say(`${theme}: ${finding}`)
        }
        for (const width of [360, 768, 2560]) {
          await page.setViewportSize({ width, height: 800 })
          await page.waitForTimeout(50)
          for (const what of await sideways(page)) say(what)
        }
        await page.setViewportSize({ width: 1280, height: 800 })
        for (const problem of await person.takeProblems()) say(problem)
      },
    )
    expect(wrong).toEqual([])
  }, 240_000)

  test('each can be used with the keyboard alone', async () => {
    const wrong: string[] = []
    await inLanes(
      Object.entries(all),
      () => as(ada),
      async (person, [name, path]) => {
        await person.go(path)
        for (const what of await walkByKeyboard(person.page)) wrong.push(`${name} (${path}): ${what}`)
      },
    )
    expect(wrong).toEqual([])
  }, 240_000)

  test('each is in the language that was chosen, and in no other', async () => {
    const wrong: string[] = []
    const chinese = new Set(wordsOf(zh))
    const english = new Set(wordsOf(en).filter((words) => !chinese.has(words) && /[A-Za-z]{3}/.test(words)))
    const areas = new RegExp(`^(${Object.keys(en).join('|')})(\\.[\\w-]+)+$`)
    await inLanes(
      Object.entries(all).flatMap((place) => [[...place, 'en'] as const, [...place, 'zh-CN'] as const]),
      () => as(ada),
      async (person, [name, path, language]) => {
        await person.context.addCookies([{ name: 'juanie_language', value: language, url: shop.juanie.url }])
        await person.go(path)
        const say = (what: string) => wrong.push(`${name} (${language}): ${what}`)
        if ((await person.page.locator('html').getAttribute('lang')) !== language) say('the page says another language')
        for (const text of await textsOf(person.page)) {
          if (areas.test(text)) say(`a key and no words: ${text}`)
          if (language === 'zh-CN' && english.has(text)) say(`English: ${text}`)
          if (language === 'en' && /\p{Script=Han}/u.test(text.replace('简体中文', ''))) say(`Chinese: ${text}`)
        }
        for (const problem of await person.takeProblems()) say(problem)
      },
    )
    expect(wrong).toEqual([])
  }, 240_000)

  test('every enabled control does something', async () => {
    const dead: Dead[] = []
    const followed = new Set<string>()
    let count = 0
    const pressers = new Map<Person, Presser>()
    await inLanes(
      Object.entries(all),
      () => as(ada),
      async (person, [name, path]) => {
        const presser = pressers.get(person) ?? (await Presser.make(person, followed))
        pressers.set(person, presser)
        // What is around every page is pressed once, from a page of each kind.
        const isWhole = ['home', 'project'].includes(name)
        dead.push(...(await presser.page(path, isWhole ? null : '#navigation, body > header, a[href="#main"]')))
      },
    )
    for (const presser of pressers.values()) count += presser.count
    console.log(`pressed ${count} controls`)
    expect(dead.map(({ page, presses, why }) => `${page}: ${presses.join(' › ')}: ${why}`)).toEqual([])
    expect(count).toBeGreaterThan(100)
  }, 900_000)

  test('a viewer meets no control that the server would refuse', async () => {
    const refused: string[] = []
    const dead: Dead[] = []
    const followed = new Set<string>()
    await using viewer = await signedIn(people.viewer)
    const pressers = new Map<Person, Presser>()
    await inLanes(
      Object.entries(all),
      () => as(viewer),
      async (person, [name, path]) => {
        const known = pressers.get(person)
        const presser = known ?? (await Presser.make(person, followed))
        pressers.set(person, presser)
        if (!known) {
          person.page.on('response', (response) => {
            if (response.status() === 403) refused.push(`${person.page.url()}: ${response.url()}`)
          })
        }
        const isWhole = ['home', 'project'].includes(name)
        dead.push(...(await presser.page(path, isWhole ? null : '#navigation, body > header, a[href="#main"]')))
        for (const change of presser.asked.splice(0)) {
          if (!/^\/(sign-out|api\/trpc\/(auth\.|tokens\.|sessions\.))/.test(change)) refused.push(`${path}: ${change}`)
        }
      },
    )
    expect(refused).toEqual([])
    expect(dead.map(({ page, presses, why }) => `${page}: ${presses.join(' › ')}: ${why}`)).toEqual([])
  }, 900_000)

  test('what a viewer may not do, the server refuses', async () => {
    await using viewer = await signedIn(people.viewer)
    const { projectId } = shop
    const { id: organizationId } = await shop.api.ask<{ id: string }>('organizations.find', { slug: 'main' })
    const asks: [string, object][] = [
      ['projects.create', { organizationId, slug: 'mine', template: 'empty' }],
      ['projects.delete', { projectId }],
      ['organizations.invite', { organizationId, email: 'x@example.com', role: 'owner' }],
      ['environments.create', { projectId, name: 'mine' }],
      ['environments.edit', { projectId, environment: 'dev', config: { soakMs: 0 } }],
      ['runs.dispatch', { projectId }],
      ['runs.rerun', { projectId, run: 1 }],
      ['runs.cancel', { projectId, run: 1 }],
      ['deployments.start', { projectId, environment: 'dev' }],
      ['deployments.promote', { projectId, environment: 'dev' }],
      ['deployments.rollback', { projectId, environment: 'dev' }],
      ['deployments.cancel', { projectId, deployment: 1 }],
      ['variables.set', { projectId, name: 'X', value: 'y' }],
      ['variables.delete', { projectId, name: 'GREETING' }],
      ['secrets.set', { projectId, name: 'X', value: 'y' }],
      ['secrets.delete', { projectId, name: 'PAYMENT_KEY' }],
    ]
    const answers = await viewer.page.evaluate(async (asks) => {
      const tell = async ([procedure, input]: [string, object]) => {
        const response = await fetch(`/api/trpc/${procedure}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(input),
        })
        const { error } = await response.json()
        return `${procedure}: ${response.status} ${error?.data?.reason}`
      }
      return Promise.all(asks.map(tell))
    }, asks)
    expect(answers).toEqual(asks.map(([procedure]) => `${procedure}: 403 permission.missing`))
  })

  test('no page, answer or storage ever holds the value of a secret', async () => {
    const seen: string[] = []
    let answers = 0
    await inLanes(
      Object.entries(all),
      async () => {
        const person = await as(ada)
        person.page.on('response', async (response) => {
          if (response.request().resourceType() === 'eventsource') return
          const body = await response.text().catch(() => '')
          answers++
          if (body.includes(secretValue)) seen.push(`the answer of ${response.url()}`)
        })
        return person
      },
      async (person, [, path]) => {
        await person.go(path)
        const kept = await person.page.evaluate(
          () => JSON.stringify([localStorage, sessionStorage, document.cookie]) + document.documentElement.outerHTML,
        )
        if (kept.includes(secretValue)) seen.push(`the page ${path}`)
      },
    )
    expect(seen).toEqual([])
    expect(answers).toBeGreaterThan(100)
  })
})
