import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, launchBrowser, Person } from './lib/browser.ts'
import { until } from './lib/juanie.ts'
import { shiftsOf, watchShifts } from './lib/looks.ts'
import { Shop } from './lib/shop.ts'

let shop: Shop
let browser: Browser
let ada: Person

/** A job that prints a line each moment, long enough to watch it. */
const printing = (lines: number, pause: string) => ({
  '.juanie/workflows/ci.yml': `name: CI
on: [push, workflow_dispatch]
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Count
        run: for i in $(seq 1 ${lines}); do echo "line $i of ${lines}"; sleep ${pause}; done
      - uses: juanie/release@v1
`,
})

/** Proves later that the page is still the same one. */
const mark = (page: Page) =>
  page.evaluate(() => {
    Object.assign(globalThis, { isStillHere: true })
  })
const isMarked = (page: Page) => page.evaluate(() => 'isStillHere' in globalThis)

const live = (page: Page) => page.locator('[data-live]:visible')

describe.skipIf(!hasBrowser)('what is shown live', () => {
  beforeAll(async () => {
    shop = await Shop.open()
    const first = await shop.push({ text: 'Greet whoever comes' })
    await shop.deployed(first, ['succeeded'])
    browser = await launchBrowser()
    ada = await Person.open(browser, shop.juanie)
    await ada.signIn()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await shop?.[Symbol.asyncDispose]()
  })

  /** With a sign-in of its own, where it must be renewed: what two browsers show of one sign-in is taken as stolen. */
  async function open(path: string, signIn: 'own' | 'shared' = 'shared'): Promise<Person> {
    const person = await Person.open(browser, shop.juanie)
    if (signIn === 'own') await person.signIn()
    else await person.borrow(ada)
    await person.go(path)
    await live(person.page).and(person.page.locator('[data-live=live]')).waitFor()
    await mark(person.page)
    return person
  }

  test('a push appears on every page that it concerns, without a reload', async () => {
    const paths = ['/main', '/main/shop', '/main/shop/runs', '/main/shop/deployments', '/main/shop/events']
    const people: Person[] = []
    for (const path of paths) people.push(await open(path))
    const commit = await shop.push({ text: 'Show the opening hours' })
    await shop.deployed(commit, ['succeeded'])
    for (const [index, { page }] of people.entries()) {
      const path = paths[index]!
      const what = page.locator('main').getByText('Show the opening hours')
      await what
        .first()
        .waitFor({ timeout: 10_000 })
        .catch(() => {
          throw new Error(`${path} does not show the push`)
        })
      expect(await isMarked(page), path).toBe(true)
    }
    for (const person of people) {
      expect(await person.takeProblems()).toEqual([])
      await person[Symbol.asyncDispose]()
    }
  }, 60_000)

  test('a server that is killed and started again is noticed, and what happened meanwhile is shown', async () => {
    const commit = await shop.push({ text: 'Count slowly', files: printing(200, '0.1') })
    const { number } = await shop.runOf(commit)
    await using list = await open('/main/shop/runs', 'own')
    await using run = await open(`/main/shop/runs/${number}`, 'own')
    await run.page
      .getByText(/^line \d+ of 200$/)
      .first()
      .waitFor()
    await list.takeProblems()
    await run.takeProblems()
    await shop.juanie.stopServer('SIGKILL')
    for (const { page } of [list, run]) {
      await page.locator('[data-live=lost]:visible').waitFor({ timeout: 10_000 })
      expect(await live(page).innerText()).toContain('Not connected')
      // What was there stays.
      expect(await page.getByText('Count slowly').count()).toBeGreaterThan(0)
    }
    // The step goes on without the server.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    await shop.juanie.up()
    for (const { page } of [list, run]) await page.locator('[data-live=live]:visible').waitFor({ timeout: 20_000 })
    // What was printed meanwhile, and goes on: a followed log shows its end only.
    await run.page
      .getByText(/^line ([6-9]\d|1\d\d|200) of 200$/)
      .first()
      .waitFor({ timeout: 30_000 })
    await expect.poll(() => run.page.title(), { timeout: 30_000 }).toMatch(/Succeeded/)
    await until(
      'the list to show the end',
      async () => (await list.page.locator('main [data-status=running]').count()) === 0,
    )
    expect(await isMarked(list.page)).toBe(true)
    expect(await isMarked(run.page)).toBe(true)
  }, 90_000)

  test('many tabs of one browser share a connection, and the next one keeps it when its tab is closed', async () => {
    await using ada = await open('/main/shop/runs')
    const tabs = [ada.page]
    // One more than a browser has connections for over HTTP/1.1.
    for (let count = 1; count < 7; count++) {
      const page = await ada.context.newPage()
      await page.goto('/main/shop/runs')
      await page.locator('[data-live=live]:visible').waitFor()
      tabs.push(page)
    }
    await shop.push({ text: 'Tell all tabs' })
    for (const page of tabs) await page.locator('main').getByText('Tell all tabs').waitFor()
    await tabs.shift()!.close()
    await shop.push({ text: 'Tell those that are left' })
    for (const page of tabs) await page.locator('main').getByText('Tell those that are left').waitFor()
  }, 60_000)

  test('a page that was never opened is opened as soon as the server answers again', async () => {
    await using ada = await open('/main/shop', 'own')
    await shop.juanie.stopServer('SIGKILL')
    await ada.page.getByRole('link', { name: 'Queues' }).click()
    await ada.page.getByText('The page opens as soon as it does').waitFor()
    expect(await isMarked(ada.page)).toBe(true)
    await shop.juanie.up()
    await ada.page.waitForURL((url) => url.pathname === '/main/-/queues')
    await ada.page.getByRole('heading', { name: 'Queues', level: 1 }).waitFor()
  }, 60_000)

  test('in a minute of events nothing jumps', async () => {
    const { number } = await shop.runOf(await shop.push({ text: 'Begin the minute', files: printing(500, '0.1') }))
    const paths = [
      '/main',
      '/main/shop',
      '/main/shop/runs',
      `/main/shop/runs/${number}`,
      '/main/shop/environments',
      '/main/shop/environments/dev',
      '/main/shop/deployments',
      '/main/shop/events',
      '/main/-/queues',
      '/main/-/hosts',
    ]
    const people: Person[] = []
    for (const path of paths) people.push(await open(path))
    for (const { page } of people) await watchShifts(page)
    const end = Date.now() + 60_000
    let pushes = 0
    while (Date.now() < end) {
      const isHealthy = pushes % 3 !== 2
      await shop.push({ text: `Change ${++pushes}`, isHealthy, files: printing(5, '0.05') })
      await new Promise((resolve) => setTimeout(resolve, 3_000))
    }
    const shifted: string[] = []
    for (const [index, { page }] of people.entries()) {
      const shifts = await shiftsOf(page)
      const sum = shifts.reduce((total, { value }) => total + value, 0)
      if (sum > 0.02) {
        const worst = shifts.sort((a, b) => b.value - a.value).slice(0, 2)
        shifted.push(
          `${paths[index]}: ${sum.toFixed(3)} in ${shifts.length} shifts; ${worst.map(({ value, sources }) => `${value.toFixed(3)} ${sources.join(' | ')}`).join('; ')}`,
        )
      }
      expect(await isMarked(page)).toBe(true)
    }
    expect(pushes).toBeGreaterThan(8)
    expect(shifted).toEqual([])
    for (const person of people) await person[Symbol.asyncDispose]()
  }, 150_000)
})
