import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page, type Request } from 'playwright-core'
import { admin, until } from './juanie.ts'

const executablePath = process.env.JUANIE_CHROMIUM ?? '/usr/bin/chromium'

/** Without a browser the scenarios of the console are skipped, and say so. */
export const hasBrowser = existsSync(executablePath)
if (!hasBrowser)
  console.warn(`SKIPPED: there is no browser at ${executablePath} (apt-get install chromium, or set JUANIE_CHROMIUM)`)

export const launchBrowser = (args: string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', ...args] })

/** Where an installation answers. */
interface Site {
  readonly url: string
}

export type Language = 'en' | 'zh-CN'
export interface Look {
  language?: Language
  theme?: 'light' | 'dark'
  width?: number
  height?: number
  isPhone?: boolean
  /** Nothing turns or fades: what is compared or measured stands still. */
  isStill?: boolean
}

/** Somebody at a browser of their own, with one page open. */
export class Person implements AsyncDisposable {
  readonly site: Site
  readonly context: BrowserContext
  page: Page
  /** What a developer would find in the console of the browser, and refusals of the content policy. */
  readonly problems: string[] = []
  readonly #open = new Set<Request>()

  private constructor(site: Site, context: BrowserContext, page: Page) {
    this.site = site
    this.context = context
    this.page = page
  }

  static async open(browser: Browser, site: Site, look: Look = {}): Promise<Person> {
    const context = await browser.newContext({
      baseURL: site.url,
      viewport: { width: look.width ?? (look.isPhone ? 390 : 1280), height: look.height ?? (look.isPhone ? 844 : 800) },
      hasTouch: look.isPhone ?? false,
      isMobile: look.isPhone ?? false,
      colorScheme: look.theme ?? 'light',
      reducedMotion: (look.isStill ?? true) ? 'reduce' : 'no-preference',
      locale: look.language ?? 'en',
      permissions: ['clipboard-read', 'clipboard-write'],
      acceptDownloads: true,
    })
    context.setDefaultTimeout(15_000)
    if (look.language) await context.addCookies([{ name: 'juanie_language', value: look.language, url: site.url }])
    await context.addInitScript(() => {
      const kept: string[] = []
      Object.assign(globalThis, { refusedByPolicy: kept })
      document.addEventListener(
        'securitypolicyviolation',
        ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
          kept.push(`${violatedDirective} ${blockedURI} (${sourceFile}:${lineNumber})`),
      )
    })
    const person = new Person(site, context, await context.newPage())
    person.#watch(person.page)
    return person
  }

  #watch(page: Page): void {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.problems.push(
          `${new URL(page.url()).pathname}: ${message.type()}: ${message.text()} ${message.location().url}`,
        )
    })
    page.on('pageerror', (error) => this.problems.push(`${new URL(page.url()).pathname}: ${error.message}`))
    page.on('request', (request) => this.#open.add(request))
    page.on('response', (response) => {
      // A stream stays open for as long as the page is shown.
      if (/event-stream/.test(response.headers()['content-type'] ?? '')) this.#open.delete(response.request())
    })
    page.on('requestfinished', (request) => this.#open.delete(request))
    page.on('requestfailed', (request) => this.#open.delete(request))
    page.on('framenavigated', (frame) => frame === page.mainFrame() && this.#open.clear())
  }

  /** By the form, as everybody does. */
  async signIn(who: { email: string; password: string } = admin): Promise<void> {
    await this.page.goto('/sign-in')
    await this.page.locator('input[name=email]').fill(who.email)
    await this.page.locator('input[name=password]').fill(who.password)
    await this.page.locator('form button').first().click()
    await this.page.waitForURL((url) => url.pathname !== '/sign-in')
    await this.settled()
  }

  /** The sign-in of somebody else, without the form again. */
  async borrow(other: Person): Promise<void> {
    await this.context.addCookies((await other.context.cookies()).filter(({ name }) => name !== 'juanie_language'))
  }

  async go(path: string): Promise<void> {
    await this.page.goto(path)
    await this.settled()
  }

  /** Everything that the page asked for has come, and nothing of it is still grey. */
  async settled(limitMs = 15_000): Promise<void> {
    let quietSince = 0
    await until(
      `${this.page.url()} to be settled`,
      async () => {
        const isBusy =
          this.#open.size > 0 ||
          (await this.page.evaluate(
            () =>
              document.readyState !== 'complete' ||
              document.querySelector('#app:empty, main [aria-hidden=true] > .animate-pulse, [data-loading]') !== null,
          ))
        if (isBusy) quietSince = 0
        else if (quietSince === 0) quietSince = performance.now()
        return quietSince > 0 && performance.now() - quietSince > 150
      },
      limitMs,
    ).catch(async (error) => {
      const open = [...this.#open].map((request) => `${request.method()} ${request.url()}`)
      throw new Error(`${(error as Error).message}; open: ${open.join(', ') || 'nothing'}`)
    })
  }

  /** What was wrong since it was last asked. */
  async takeProblems(): Promise<string[]> {
    const refused = await this.page
      .evaluate(() => (globalThis as unknown as { refusedByPolicy?: string[] }).refusedByPolicy?.splice(0) ?? [])
      .catch(() => [])
    const all = [...this.problems.splice(0), ...refused.map((what) => `refused by the content policy: ${what}`)]
    return [...new Set(all.map((problem) => problem.split('\n', 1)[0]!.slice(0, 300)))]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close()
  }
}

/** Switches the theme of an open page as its own menu would. */
export async function showTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  await page.evaluate((chosen) => {
    localStorage.setItem('juanie.theme', chosen)
    document.documentElement.classList.toggle('dark', chosen === 'dark')
    return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
  }, theme)
}
