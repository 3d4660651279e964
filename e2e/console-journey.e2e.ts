import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeVersion } from './lib/application.ts'
import { hasBrowser, launchBrowser, Person } from './lib/browser.ts'
import { Installation, type RunningServer } from './lib/installation.ts'
import { admin, cleanEnvironment, finish } from './lib/juanie.ts'
import { visit } from './lib/visitor.ts'

let installation: Installation
let server: RunningServer
let browser: Browser
let ada: Person
let page: Page

const button = (name: string | RegExp, within: Page | Locator = page) => within.getByRole('button', { name })
const link = (name: string | RegExp, within: Page | Locator = page) => within.getByRole('link', { name })
const main = () => page.getByRole('main')
const dialog = () => page.getByRole('dialog')
/** A run, its release and its deployment take as long as they take; what was pressed shows at once. */
const long = { timeout: 60_000 }

const environment = (name: string) =>
  main()
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { name }) })

/** What somebody types into a terminal of their own, in a folder of their own. */
async function terminal(folder: string, command: string): Promise<void> {
  const done = await finish('bash', ['-e', '-c', command], {
    cwd: folder,
    env: cleanEnvironment({
      HOME: installation.env.HOME!,
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: admin.email,
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: admin.email,
    }),
  })
  if (done.code !== 0) throw new Error(`${command} ended with ${done.code}: ${done.stderr}`)
}

const answers = async (name: string): Promise<string> =>
  (await visit(installation.edgePort, `shop-${name}.localhost`)).body

describe.skipIf(!hasBrowser)('the main job, by clicking only', () => {
  beforeAll(async () => {
    installation = await Installation.make({
      JUANIE_DEFAULT_SOAK: '500ms',
      JUANIE_DEFAULT_DRAIN: '500ms',
      JUANIE_DEFAULT_START_LIMIT: '20s',
    })
    server = await installation.start()
    browser = await launchBrowser()
    ada = await Person.open(browser, { url: installation.url })
    page = ada.page
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    await installation?.juanie('down')
    await installation?.[Symbol.asyncDispose]()
  }, 60_000)

  test('the link of the first start makes the first account, and leads into the console', async () => {
    const address = /http\S+\/setup\/\S+/.exec(server.output())![0]
    await page.goto(address)
    await page.getByLabel('E-mail address').fill(admin.email)
    await page.getByLabel('Your name').fill('Ada')
    await page.getByLabel(/password/i).fill(admin.password)
    await button(/Create/).click()
    await page.waitForURL((url) => !url.pathname.startsWith('/setup'))
    await ada.settled()
    expect(page.url()).not.toContain('setup')
    await main().getByRole('heading', { level: 1 }).waitFor()
    expect(await ada.takeProblems()).toEqual([])
  }, 60_000)

  test('an empty project is made, and its page comes alive when the first push arrives', async () => {
    await link('New project', page.getByRole('navigation')).click()
    await page.getByLabel('Name').fill('shop')
    await page.getByRole('radio', { name: /Your own code/ }).check()
    await button('Create the project').click()
    await button('Make a token for git').click()
    await page.getByText('Copy it now').waitFor()
    await button(/Copy/, main()).first().click()
    const commands = await page.evaluate(() => navigator.clipboard.readText())
    expect(commands).toMatch(/git push/)
    const folder = join(installation.folder, 'shop')
    mkdirSync(folder)
    writeVersion(folder, { text: 'one' })
    await terminal(folder, commands)
    await link(/shop-dev/).waitFor(long)
    await link('Open the project').click()
    await environment('dev').locator('[data-status=healthy]').waitFor(long)
    expect(await answers('dev')).toBe('one')
  }, 120_000)

  test('a run shows its graph, its steps and their lines', async () => {
    await link('Runs', page.getByRole('navigation')).click()
    await link(/First push/)
      .first()
      .click()
    await page.getByRole('heading', { level: 1, name: /First push/ }).waitFor()
    await link(/Lines/, main()).first().click()
    await page.getByText('line 1', { exact: true }).waitFor()
    expect(page.url()).toMatch(/\/runs\/\d+\?.*step=\d/)
  }, 60_000)

  test('a second version is pushed, promoted through a dialog that shows what changes, and rolled back', async () => {
    const folder = join(installation.folder, 'shop')
    writeVersion(folder, { text: 'two' })
    await terminal(folder, 'git add --all && git commit -q -m "Show prices with tax" && git push -q origin HEAD:main')
    await link('Overview', page.getByRole('navigation')).click()
    await environment('dev').getByText('Show prices with tax').waitFor(long)
    await environment('dev').locator('[data-status=healthy]').waitFor(long)
    expect(await answers('dev')).toBe('two')

    await button('Promote to staging').click()
    await dialog().getByText('What changes').waitFor()
    await button('Promote to staging', dialog()).click()
    await page.getByRole('heading', { level: 1, name: /Deployment #\d+/ }).waitFor()
    await main().locator('[data-status=succeeded]').first().waitFor(long)
    expect(await answers('staging')).toBe('two')

    await link('Overview', page.getByRole('navigation')).click()
    await button('Roll back', environment('dev')).click()
    await dialog().getByText('What changes').waitFor()
    await dialog().getByRole('rowheader', { name: 'Files' }).waitFor()
    await button('Roll back', dialog()).click()
    await page.getByRole('heading', { level: 1, name: /Deployment #\d+/ }).waitFor()
    await main().locator('[data-status=succeeded]').first().waitFor(long)
    expect(await answers('dev')).toBe('one')
    expect(await answers('staging')).toBe('two')
    expect(await ada.takeProblems()).toEqual([])
  }, 180_000)

  test('a secret that was set is never readable back', async () => {
    const value = 'canary-71c2-never-to-be-read'
    await link('Environments', page.getByRole('navigation')).click()
    await link('dev', main()).first().click()
    await link(/Variables/, main()).click()
    const seen: string[] = []
    page.on('response', async (response) => {
      if (response.request().resourceType() === 'eventsource') return
      const body = await response.text().catch(() => '')
      if (body.includes(value)) seen.push(response.url())
    })
    await button(/(Add|Set|New).*secret/i)
      .first()
      .click()
    await dialog().getByLabel('Name').fill('API_KEY')
    await dialog().getByRole('textbox', { name: 'Value' }).fill(value)
    await dialog().locator('button[type=submit]').click()
    await dialog().waitFor({ state: 'detached' })
    await main().getByText('API_KEY').first().waitFor()
    await page.reload()
    await ada.settled()
    await main().getByText('API_KEY').first().waitFor()
    expect(await page.content()).not.toContain(value)
    expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain(value)
    expect(seen).toEqual([])
  }, 60_000)
})
