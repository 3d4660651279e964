import type { Browser, BrowserContext, Page } from 'playwright-core'
import { until, within } from './clock.ts'

/** What the browser loaded until a page was usable, and when that was. */
export interface Visited {
  /** Since the navigation began. */
  usableMs: number
  /** Scripts and style sheets, with the bytes that came over the wire, headers included. */
  files: { path: string; bytes: number }[]
}

interface Visit {
  url: string
  /** Runs in the page: whether a person can use it now. */
  isUsable: () => boolean
  cookies?: Parameters<BrowserContext['addCookies']>[0]
  /** Times that the processor is slower than it is. */
  slowdown?: number
  /** The only one that the browser says it can unpack; without, what it says by itself. */
  encoding?: 'gzip'
}

/** Loads a page as for somebody who was never here: nothing is cached. The page stays open until `use` is done. */
export async function visitCold<T = void>(
  browser: Browser,
  { url, isUsable, cookies, slowdown = 1, encoding }: Visit,
  use?: (page: Page) => Promise<T>,
): Promise<Visited & { used: T | undefined }> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...(encoding && { extraHTTPHeaders: { 'accept-encoding': encoding } }),
  })
  try {
    if (cookies) await context.addCookies(cookies)
    const page = await context.newPage()
    const session = await context.newCDPSession(page)
    await session.send('Network.enable')
    if (slowdown > 1) await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown })
    const asked = new Map<string, { path: string; at: number; bytes: number | null; isCode: boolean }>()
    session.on('Network.requestWillBeSent', ({ requestId, request, timestamp }) =>
      asked.set(requestId, { path: new URL(request.url).pathname, at: timestamp, bytes: null, isCode: false }),
    )
    session.on('Network.responseReceived', ({ requestId, response }) => {
      const one = asked.get(requestId)
      if (one) one.isCode = /javascript|css/.test(response.mimeType)
    })
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const one = asked.get(requestId)
      if (one) one.bytes = encodedDataLength
    })
    await page.addInitScript(`
      const isUsable = ${isUsable}
      const look = () => {
        if (globalThis.usableAt !== undefined || !document.body || !isUsable()) return
        // After what makes it usable was painted.
        requestAnimationFrame(() => setTimeout(() => { globalThis.usableAt ??= performance.now() }))
      }
      new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
      addEventListener('load', look)
    `)
    await page.goto(url, { waitUntil: 'commit' })
    const handle = page.waitForFunction(() => (globalThis as { usableAt?: number }).usableAt, undefined, {
      polling: 20,
      timeout: 60_000,
    })
    const usableMs = (await (await within(60_000, `${url} to be usable`, handle)).jsonValue())!
    const began = Math.min(...[...asked.values()].map(({ at }) => at))
    const needed = () => [...asked.values()].filter(({ at }) => (at - began) * 1000 <= usableMs)
    await until('what the page asked for', () => needed().every(({ isCode, bytes }) => !isCode || bytes !== null))
    const files = needed()
      .filter(({ isCode }) => isCode)
      .map(({ path, bytes }) => ({ path, bytes: bytes! }))
    return { usableMs, files, used: await use?.(page) }
  } finally {
    await context.close()
  }
}

export const kilobytes = (files: Visited['files']): number => files.reduce((sum, { bytes }) => sum + bytes, 0) / 1000

/** How long each frame took while the page scrolls an element under its middle, by the wheel. */
export async function framesWhile(page: Page, distance: number, speed: number): Promise<number[]> {
  const session = await page.context().newCDPSession(page)
  await page.evaluate(() => {
    const frames: number[] = []
    let last = performance.now()
    let isOn = true
    const each = (now: number) => {
      frames.push(now - last)
      last = now
      if (isOn) requestAnimationFrame(each)
    }
    requestAnimationFrame((now) => {
      last = now
      requestAnimationFrame(each)
    })
    Object.assign(globalThis, {
      stopFrames: () => {
        isOn = false
        return frames
      },
    })
  })
  const { width, height } = page.viewportSize()!
  await session.send('Input.synthesizeScrollGesture', {
    x: width / 2,
    y: height * 0.6,
    yDistance: -distance,
    speed,
    gestureSourceType: 'mouse',
    preventFling: true,
  })
  const frames = await page.evaluate(() => (globalThis as unknown as { stopFrames(): number[] }).stopFrames())
  await session.detach()
  return frames
}
