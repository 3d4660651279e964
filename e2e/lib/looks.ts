import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const standards = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']

interface Finding {
  id: string
  help: string
  nodes: { html: string; target: unknown[]; failureSummary: string }[]
}

/** What axe finds wrong on a page as it is; `rules` only, where given. */
export async function axe(page: Page, rules?: string[]): Promise<string[]> {
  await page.evaluate(axeSource)
  const found = await page.evaluate(
    async (only) => {
      const { axe } = globalThis as unknown as { axe: { run(context: unknown, options: object): Promise<unknown> } }
      return (await axe.run(document, { runOnly: only, resultTypes: ['violations'] })) as { violations: Finding[] }
    },
    rules ? { type: 'rule', values: rules } : { type: 'tag', values: standards },
  )
  return found.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes
        .slice(0, 3)
        .map(({ html, failureSummary }) => `${html.slice(0, 200)} (${failureSummary.split('\n').at(1)?.trim()})`)
        .join(' | ')}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ''}`,
  )
}

/** What makes the page scroll sideways at its width, if anything does. */
export function sideways(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    const wide = [...document.body.querySelectorAll('*')].filter((element) => {
      const { right, width } = element.getBoundingClientRect()
      if (width === 0 || right <= clientWidth + 0.5) return false
      // What scrolls inside a container of its own does not widen the page.
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
        if (getComputedStyle(at).overflowX !== 'visible') return false
      }
      return true
    })
    return [
      `${scrollWidth} px wide at ${clientWidth} px: ${wide
        .slice(-2)
        .map((element) => element.outerHTML.slice(0, 160))
        .join(' | ')}`,
    ]
  })
}

/** Every piece of text that the page shows, with what its controls and pictures are called. */
export function textsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const texts = new Set<string>([document.title])
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node instanceof Element) {
        for (const name of ['title', 'aria-label', 'placeholder', 'alt']) {
          const value = node.getAttribute(name)?.trim()
          if (value) texts.add(value)
        }
      } else if (!node.parentElement?.closest('script,style,noscript')) {
        const text = node.textContent?.trim()
        if (text) texts.add(text)
      }
    }
    return [...texts]
  })
}

/** How far the layout shifted without anybody having done anything, since the page was loaded; see web.dev/cls. */
export const watchShifts = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const kept: { value: number; sources: string[] }[] = []
    Object.assign(globalThis, { shifts: kept })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, hadRecentInput, sources } = entry as PerformanceEntry & {
          value: number
          hadRecentInput: boolean
          sources: { node: Node | null }[]
        }
        if (!hadRecentInput)
          kept.push({
            value,
            sources: sources.map(({ node }) => (node instanceof Element ? node.outerHTML.slice(0, 120) : String(node))),
          })
      }
    }).observe({ type: 'layout-shift', buffered: false })
  })

export const shiftsOf = (page: Page): Promise<{ value: number; sources: string[] }[]> =>
  page.evaluate(() => (globalThis as unknown as { shifts: { value: number; sources: string[] }[] }).shifts)

/**
 * Goes through a page with the Tab key alone, and says what is wrong: a stop whose focus cannot be seen, a control that no
 * stop reaches, a place that the focus does not leave.
 */
export async function walkByKeyboard(page: Page): Promise<string[]> {
  const wrong: string[] = []
  const count = await page.evaluate(() => {
    const controls = 'a[href],button,summary,select,input:not([type=hidden]):not([type=radio]),textarea,[tabindex="0"]'
    const all = [...document.querySelectorAll<HTMLElement>(controls)].filter(
      (one) =>
        one.checkVisibility({ visibilityProperty: true }) &&
        one.getClientRects().length > 0 &&
        one.tabIndex >= 0 &&
        !one.matches(':disabled') &&
        one.closest('[inert],[aria-hidden=true]') === null,
    )
    const left = new Set<Element>(all)
    Object.assign(globalThis, { left, first: undefined })
    ;(document.activeElement as HTMLElement | null)?.blur()
    window.getSelection()?.removeAllRanges()
    return all.length
  })
  const most = count + 20
  let stops = 0
  for (; stops < most; stops++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate(() => {
      const { left } = globalThis as unknown as { left: Set<Element> }
      const at = document.activeElement
      if (!at || at === document.body || at === document.documentElement) return null
      left.delete(at)
      const isBack = at === (globalThis as unknown as { first?: Element }).first
      Object.assign(globalThis, { first: (globalThis as unknown as { first?: Element }).first ?? at })
      // A hidden box shows its focus on the label that it fills.
      const around = [at, at.parentElement, at.closest('label')].filter((one) => one !== null)
      const rings = around.map((one) => getComputedStyle(one))
      const { top, bottom, left: start, right } = at.getBoundingClientRect()
      return {
        name: at.outerHTML.slice(0, 140),
        isBack,
        hasRing: rings.some(
          ({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1,
        ),
        isInSight: bottom > 0 && top < innerHeight && right > 0 && start < innerWidth,
      }
    })
    if (!stop || stop.isBack) break
    if (!stop.hasRing) wrong.push(`the focus cannot be seen: ${stop.name}`)
    if (!stop.isInSight) wrong.push(`the focus is out of sight: ${stop.name}`)
  }
  const missed = await page.evaluate(() =>
    [...(globalThis as unknown as { left: Set<Element> }).left]
      .filter((one) => one.isConnected)
      .map((one) => one.outerHTML.slice(0, 140)),
  )
  if (stops === most) wrong.push(`after ${stops} stops the focus had not left the page`)
  for (const one of missed) wrong.push(`Tab does not reach: ${one}`)
  return [...new Set(wrong)]
}
