import type { Page } from 'playwright-core'
import type { Person } from './browser.ts'
import { until } from './juanie.ts'
import { type Control, type Presses, preparePresses } from './presses-in-page.ts'

declare global {
  var presses: Presses
}

/** Menus within dialogs within menus: deeper than this nothing is. */
const mostLayers = 3
/** On how many pages of one kind, such as those of runs, a control of one name is pressed. */
const mostPages = 2
/** A control that cannot be reached by now is covered or moving. */
const limitMs = 5_000

export interface Dead {
  page: string
  /** What was pressed, the last of them without anything following. */
  presses: string[]
  why: string
}

/**
 * Presses every enabled control of pages, each on a fresh load, and tells after which of them nothing follows. What would
 * change anything on the server is kept from it, so that every press meets the same installation.
 */
export class Presser {
  readonly #person: Person
  /**
   * Links that were followed, and what was pressed in dialogs and menus, by anybody on any page: it is enough that another
   * page has a link to the same kind of page, or opens the same dialog.
   */
  readonly #followed: Set<string>
  /** What was asked of the server and would have changed something, since the last press. */
  #changes: string[] = []
  /** All of those, for whoever wants to know. */
  readonly asked: string[] = []
  #requests = 0
  #downloads = 0
  #choosers = 0
  count = 0

  private constructor(person: Person, followed: Set<string>) {
    this.#person = person
    this.#followed = followed
  }

  static async make(person: Person, followed: Set<string>): Promise<Presser> {
    const presser = new Presser(person, followed)
    const { page, context } = person
    await context.addInitScript(preparePresses)
    await page.route(
      (url) => url.pathname.startsWith('/api/trpc/') || url.pathname.startsWith('/sign-out'),
      (route) => {
        const request = route.request()
        if (request.method() !== 'POST' || request.url().includes('auth.refresh')) return route.continue()
        const { pathname } = new URL(request.url())
        presser.#changes.push(pathname)
        presser.asked.push(pathname)
        return route.abort()
      },
    )
    page.on('request', () => presser.#requests++)
    page.on('download', () => presser.#downloads++)
    page.on('filechooser', () => presser.#choosers++)
    return presser
  }

  get #page(): Page {
    return this.#person.page
  }

  async #fresh(path: string): Promise<void> {
    await this.#person.context.addCookies([{ name: 'juanie_language', value: 'en', url: this.#person.site.url }])
    await this.#person.go(path)
  }

  /** Everything that is dead on a page. */
  async page(path: string, skip: string | null): Promise<Dead[]> {
    const dead: Dead[] = []
    await this.#fresh(path)
    const kindOfPage = path.replace(/\?.*/, '').replace(/\d+|\b(dev|staging|production)\b/g, '*')
    const waiting = (await this.#controls(skip))
      .filter(({ href, kind }) => href !== null || this.#isOneOfTheFirst(`${kindOfPage} › ${kind}`))
      .map((control) => [control])
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const control = next.at(-1)!
      const names = next.map(({ kind }) => kind)
      const follows = await this.#press(path, next, skip).catch((error: Error) => error)
      if (follows instanceof Error || follows.length === 0)
        dead.push({
          page: path,
          presses: names,
          why: follows instanceof Error ? follows.message.split('\n', 1)[0]! : 'nothing follows',
        })
      else if (next.length < mostLayers && !control.href) {
        const layers = await this.#page.evaluate(() => globalThis.presses.depth()).catch(() => 0)
        if (layers < next.length) continue
        for (const inner of await this.#controls(skip)) {
          const kind = [...names, inner.kind].join(' › ')
          if (this.#followed.has(kind)) continue
          this.#followed.add(kind)
          waiting.push([...next, inner])
        }
      }
    }
    return dead
  }

  #isOneOfTheFirst(name: string): boolean {
    for (let time = 1; time <= mostPages; time++) {
      if (this.#followed.has(`${name} ${time}`)) continue
      this.#followed.add(`${name} ${time}`)
      return true
    }
    return false
  }

  /** One of each kind. What is only typed into is left to the scenarios. */
  async #controls(skip: string | null): Promise<Control[]> {
    const all = await this.#page.evaluate((skip) => globalThis.presses.controls(skip), skip)
    const kinds = new Set<string>()
    return all.filter(({ kind, what, isInForm }) => {
      if (kinds.has(kind) || /^(input|textarea)/.test(what) || (what === 'select' && isInForm)) return false
      kinds.add(kind)
      return true
    })
  }

  /** What follows the last press of a trail. */
  async #press(path: string, trail: Control[], skip: string | null): Promise<string[]> {
    const last = trail.at(-1)!
    if (last.href) {
      const target = new URL(last.href)
      if (target.origin !== new URL(this.#person.site.url).origin) return ['another site']
      if (last.isCurrent) return ['already there']
      if (this.#followed.has(last.kind)) return ['followed elsewhere']
      this.#followed.add(last.kind)
      if (target.pathname.startsWith('/api/')) return this.#fetch(last.href)
    } else if (last.isCurrent && last.kind.startsWith('tab ')) return ['already there']
    this.count++
    await this.#fresh(path)
    for (const control of trail.slice(0, -1)) {
      await this.#mark(control, skip)
      await this.#page.locator('[data-pressed-next]').click({ timeout: limitMs })
      await this.#person.settled()
    }
    await this.#mark(last, skip)
    const target = this.#page.locator('[data-pressed-next]')
    // A link that skips to the content is seen only while it has the focus.
    const isSkip = last.href !== null && new URL(last.href).hash !== '' && last.href.startsWith(this.#page.url())
    if (isSkip) await target.focus()
    else if (last.what !== 'select') await target.hover({ timeout: limitMs })
    await this.#page.evaluate(() => globalThis.presses.rest())
    await this.#page.waitForTimeout(150)
    await this.#page.evaluate(() => globalThis.presses.begin())
    const address = this.#page.url()
    this.#changes = []
    this.#downloads = 0
    this.#choosers = 0
    const requests = this.#requests
    if (last.what === 'select') {
      const others = await target.evaluate((select: HTMLSelectElement) =>
        [...select.options].filter(({ selected, disabled }) => !selected && !disabled).map(({ value }) => value),
      )
      if (others.length === 0) return ['nothing else to choose']
      await target.selectOption(others.at(-1)!)
    } else if (isSkip) await target.press('Enter')
    else await target.click({ noWaitAfter: true, timeout: limitMs })
    await this.#page.waitForTimeout(50)
    await this.#person.settled()
    const follows = await this.#page.evaluate(() => globalThis.presses.follows()).catch(() => ['navigation'])
    if (this.#page.url() !== address) follows.push('address')
    if (this.#requests > requests) follows.push('request')
    if (this.#changes.length > 0) follows.push(...this.#changes)
    if (this.#downloads > 0) follows.push('download')
    if (this.#choosers > 0) follows.push('choice of a file')
    if (last.href && (await this.#page.getByText('This is not here').count()) > 0)
      throw new Error(`leads to a page that is not there: ${last.href}`)
    return follows
  }

  async #mark(control: Control, skip: string | null): Promise<void> {
    const { kind } = control
    const look = () => this.#page.evaluate(({ kind, skip }) => globalThis.presses.mark(kind, skip), { kind, skip })
    // What a dialog lists may come after it.
    await until(`"${kind}" to be there again after the page was loaded anew`, look, limitMs)
  }

  async #fetch(href: string): Promise<string[]> {
    const { status } = await this.#page.evaluate(async (url) => {
      const stop = new AbortController()
      const answer = await fetch(url, { signal: stop.signal })
      stop.abort()
      return { status: answer.status }
    }, href)
    if (status !== 200) throw new Error(`${href} answers ${status}`)
    return ['download']
  }
}
