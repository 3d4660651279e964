import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, launchBrowser, Person } from './lib/browser.ts'
import { admin } from './lib/juanie.ts'
import { Shop } from './lib/shop.ts'

let shop: Shop
let browser: Browser
let ada: Person
let page: Page

/** Tab until something has the focus, as somebody does who cannot point. */
async function tabTo(target: Locator, most = 80): Promise<void> {
  for (let stops = 0; stops < most; stops++) {
    await page.keyboard.press('Tab')
    if (await target.first().evaluate((element) => element === document.activeElement)) return
  }
  throw new Error(`${most} times Tab did not reach ${target}`)
}

const hasFocus = (target: Locator) => target.evaluate((element) => element.contains(document.activeElement))
const dialog = () => page.getByRole('dialog')
const main = () => page.getByRole('main')

describe.skipIf(!hasBrowser)('with the keyboard alone', () => {
  beforeAll(async () => {
    shop = await Shop.open()
    await shop.deployed(await shop.push({ text: 'Greet whoever comes' }), ['succeeded'])
    browser = await launchBrowser()
    ada = await Person.open(browser, shop.juanie)
    page = ada.page
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await shop?.[Symbol.asyncDispose]()
  })

  test('somebody signs in, and goes past the navigation to the content', async () => {
    await page.goto('/sign-in')
    await page.keyboard.type(admin.email)
    await page.keyboard.press('Tab')
    await page.keyboard.type(admin.password)
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => url.pathname !== '/sign-in')
    await ada.settled()
    await page.keyboard.press('Tab')
    const skip = page.getByRole('link', { name: 'Skip to the content' })
    await expect.poll(async () => (await skip.boundingBox())!.y).toBeGreaterThanOrEqual(0)
    await page.keyboard.press('Enter')
    expect(await hasFocus(main())).toBe(true)
  })

  test('the command palette goes anywhere, and gives the focus back', async () => {
    await ada.go('/main/shop')
    const all = main().getByRole('link', { name: 'All runs' })
    await all.focus()
    await page.keyboard.press('Control+k')
    await dialog().waitFor()
    expect(await hasFocus(dialog())).toBe(true)
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
    await expect.poll(() => hasFocus(all)).toBe(true)

    await page.keyboard.press('Control+k')
    await dialog().waitFor()
    await page.keyboard.type('environments')
    await page.waitForTimeout(100)
    await page.keyboard.press('Enter')
    await page.waitForURL('**/main/shop/environments')
    await page.goBack()
    await page.waitForURL('**/main/shop')
    await page.goForward()
    await page.waitForURL('**/main/shop/environments')
  })

  test('the help sheet lists the shortcuts of the page', async () => {
    await ada.go('/main/shop/runs')
    await page.keyboard.press('?')
    await dialog().getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor()
    expect(await dialog().getByRole('listitem').count()).toBeGreaterThan(1)
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
  })

  test('a run is opened, and its log is read and searched', async () => {
    await ada.go('/main/shop/runs')
    await tabTo(main().getByRole('link', { name: /Greet whoever comes/ }))
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/runs\/\d+/)
    await ada.settled()
    await tabTo(main().getByRole('link', { name: /Lines/ }))
    await page.keyboard.press('Enter')
    await page.getByText('line 1', { exact: true }).waitFor()
    await page.keyboard.press('/')
    expect(await page.evaluate(() => document.activeElement?.matches('input'))).toBe(true)
    await page.keyboard.type('line 77')
    await page.keyboard.press('Enter')
    await page.getByText('line 77', { exact: true }).first().waitFor()
  })

  test('a release is promoted through a dialog that keeps the focus and gives it back', async () => {
    await ada.go('/main/shop')
    const promote = main().getByRole('button', { name: 'Promote to staging' })
    await tabTo(promote)
    await page.keyboard.press('Enter')
    await dialog().getByText('What changes').waitFor()
    for (let times = 0; times < 15; times++) {
      await page.keyboard.press(times % 5 === 4 ? 'Shift+Tab' : 'Tab')
      expect(await hasFocus(dialog())).toBe(true)
    }
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
    await expect.poll(() => hasFocus(promote)).toBe(true)
    await page.keyboard.press('Enter')
    const start = dialog().getByRole('button', { name: 'Promote to staging' })
    await start.and(page.locator(':enabled')).waitFor()
    await tabTo(start)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/deployments\/\d+/)
    await main().locator('[data-status=succeeded]').first().waitFor({ timeout: 60_000 })
    expect(await shop.answer('/', 'staging')).toBe('Greet whoever comes')
    expect(await ada.takeProblems()).toEqual([])
  }, 90_000)

  test('menus open, move and close by keys', async () => {
    await ada.go('/main/shop')
    const account = page.getByRole('button', { name: 'Account' })
    await tabTo(account)
    await page.keyboard.press('Enter')
    const menu = page.getByRole('menu')
    await menu.waitFor()
    await page.keyboard.press('ArrowDown')
    expect(await hasFocus(menu)).toBe(true)
    await page.keyboard.press('Escape')
    await menu.waitFor({ state: 'detached' })
    await expect.poll(() => hasFocus(account)).toBe(true)
  })
})
