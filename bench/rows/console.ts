import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { hasBrowser, launchBrowser, Person } from '../../e2e/lib/browser.ts'
import { Shop } from '../../e2e/lib/shop.ts'
import { Floor } from '../lib/floor.ts'
import { alternate, atMost, type Bench, type Result, type Row, Samples, type Side } from '../lib/row.ts'
import { percentile } from '../lib/statistics.ts'
import { framesWhile, kilobytes, type Visited, visitCold } from '../lib/visit.ts'

const slowdown = 4
const longLines = 1_000_000
/** Lines that the console asks for at once. */
const firstPage = 500
const lineOf = (number: number) => `line ${number} of a long log that one step printed`
const workflow = `name: CI
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - name: Greet
        run: echo hello
      - name: Print
        run: seq -f 'line %.0f of a long log that one step printed' 1 ${longLines}
`

const isSignInUsable = () =>
  document.readyState === 'complete' && document.querySelector('input[name=password]')?.checkVisibility() === true
/** Its heading and every environment stand there, and nothing is grey. */
const isOverviewUsable = () =>
  document.querySelector('main h1') !== null &&
  document.querySelector('main a[href*="/environments/production"]') !== null &&
  document.querySelector('main .animate-pulse') === null

const one = (value: number): Side => ({ count: 1, p50: value, p99: value, min: value, max: value, cpuUs: null })

/** How long after a press the first lines are painted; runs in the page. */
const firstLines = (page: Page, press: string, isThere: string): Promise<number> =>
  page.evaluate(
    ({ press, isThere }) =>
      new Promise<number>((resolve, reject) => {
        setTimeout(() => reject(new Error('no line came in 20 s')), 20_000)
        let isFound = false
        const look = () => {
          if (isFound || !document.querySelector(isThere)?.textContent) return
          isFound = true
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)))
        }
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
        const link = document.querySelector<HTMLElement>(press)
        if (!link) return reject(new Error(`there is no ${press}`))
        const began = performance.now()
        link.click()
      }),
    { press, isThere },
  )

/** What the browser got of a file, compressed as the goal counts it. */
async function fetchZipped(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  return gzipSync(Buffer.from(await response.arrayBuffer()), { level: 9 })
}

/**
 * A page as Juanie's looks when everything is there, written out beforehand, with as many bytes of code to fetch and
 * nothing of it to run; and the first lines of the log, which are shown at a press.
 */
async function writeFloor(folder: string, told: { page: string; visited: Visited; url: string }): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const names: string[] = []
  for (const { path } of told.visited.files) {
    const name = `${names.length}${path.endsWith('.css') ? '.css' : '.txt'}`
    names.push(name)
    writeFileSync(join(folder, name), '')
    writeFileSync(join(folder, `${name}.gz`), await fetchZipped(`${told.url}${path}`))
  }
  const lines = Array.from({ length: firstPage }, (_, index) => lineOf(index + 1)).join('\n')
  writeFileSync(join(folder, 'lines.txt'), lines)
  const styles = names.filter((name) => name.endsWith('.css')).map((name) => `<link rel="stylesheet" href="/${name}">`)
  const code = names.filter((name) => name.endsWith('.txt'))
  writeFileSync(
    join(folder, 'index.html'),
    told.page
      .replace(/<link[^>]*>/g, '')
      .replace(/<(script|noscript)[^>]*>.*?<\/\1>/gs, '')
      .replace('</head>', `${styles.join('')}</head>`)
      .replace(
        '</body>',
        `<a id="show" href="#log">log</a><pre id="log"></pre><script type="module">
await Promise.all(${JSON.stringify(code)}.map((name) => fetch('/' + name).then((answer) => answer.arrayBuffer())))
document.querySelector('#show').onclick = async (event) => {
  event.preventDefault()
  document.querySelector('#log').textContent = await (await fetch('/lines.txt')).text()
}
document.body.dataset.usable = ''
</script></body>`,
      ),
  )
}

async function measure(bench: Bench): Promise<Result[]> {
  if (!hasBrowser) throw new Error('there is no browser: install chromium, or name one in JUANIE_CHROMIUM')
  await using shop = await Shop.open()
  const first = await shop.push({ text: 'Greet whoever comes' })
  await shop.deployed(first, ['succeeded'])
  bench.say(`  storing a log of ${longLines.toLocaleString('en')} lines`)
  const long = await shop.ended(await shop.push({ text: 'Print much', workflow }), 300_000)
  const job = (await shop.run(long.number)).jobs[0]!
  const stored = job.steps.find(({ name }) => name === 'Print')?.lines
  if (stored !== longLines) throw new Error(`${stored} of ${longLines} lines were stored`)

  const browser = await launchBrowser()
  try {
    const results = await measureIn(browser, shop, bench, { run: long.number, job: job.key })
    return results
  } finally {
    await browser.close()
  }
}

async function measureIn(
  browser: Browser,
  shop: Shop,
  bench: Bench,
  long: { run: number; job: string },
): Promise<Result[]> {
  const { url } = shop.juanie
  await using ada = await Person.open(browser, shop.juanie)
  await ada.signIn()
  const cookies = await ada.context.cookies()
  const signIn = { url: `${url}/sign-in`, isUsable: isSignInUsable }
  const overview = { url: `${url}/main/shop`, isUsable: isOverviewUsable, cookies }

  const weigh = async (what: string, visit: typeof signIn, limit: number): Promise<Result> => {
    const zipped = await visitCold(browser, { ...visit, encoding: 'gzip' })
    const usual = await visitCold(browser, visit)
    const size = kilobytes(zipped.files)
    return {
      row: 'console',
      what: `scripts and styles until ${what} is usable`,
      unit: 'kB',
      juanie: one(size),
      floor: null,
      goals: [atMost(`≤ ${limit} kB with gzip`, size, limit)],
      verified: `${zipped.files.length} files; ${kilobytes(usual.files).toFixed(1)} kB as browsers ask for them, with brotli`,
    }
  }
  const sizes = [await weigh('the sign-in page', signIn, 100), await weigh('the overview of a project', overview, 180)]

  const folder = join(shop.juanie.home, 'floor')
  const page = await visitCold(browser, { ...overview, encoding: 'gzip' }, (open) => open.content())
  await writeFloor(folder, { page: page.used!, visited: page, url })
  const { floor, ready } = await Floor.start<{ port: number }>('page', { folder })
  await using _ = floor
  const bare = { url: `http://127.0.0.1:${ready.port}/`, isUsable: () => document.body.dataset.usable !== undefined }

  const usable = new Samples()
  const usableFloor = new Samples()
  const entrance = new Samples()
  const lines = new Samples()
  const linesFloor = new Samples()
  const logUrl = `${url}/main/shop/runs/${long.run}?job=${encodeURIComponent(long.job)}&step=`
  const logFrames: number[] = []
  const floorFrames: number[] = []
  const isRunUsable = () => document.querySelector('[data-ready] [data-line]') !== null
  await alternate(
    bench.rounds,
    {
      juanie: async () => {
        entrance.values.push((await visitCold(browser, { ...signIn, slowdown })).usableMs)
        usable.values.push((await visitCold(browser, { ...overview, slowdown })).usableMs)
        const { used } = await visitCold(
          browser,
          { url: `${logUrl}0`, isUsable: isRunUsable, cookies },
          async (open) => {
            const ms = await firstLines(open, 'a[href*="step=1"]', '[data-ready] [data-line="20"]')
            const frames = await framesWhile(open, 40_000, 10_000)
            const top = await open.evaluate(() =>
              Number(document.querySelector<HTMLElement>('[data-line]')?.dataset.line),
            )
            if (!(top > 100)) throw new Error(`the log did not scroll: line ${top} is the first`)
            return { ms, frames }
          },
        )
        lines.values.push(used!.ms)
        logFrames.push(...used!.frames)
      },
      floor: async () => {
        usableFloor.values.push((await visitCold(browser, { ...bare, slowdown })).usableMs)
        const { used } = await visitCold(browser, bare, async (open) => {
          const ms = await firstLines(open, '#show', '#log')
          return { ms, frames: await framesWhile(open, 8_000, 10_000) }
        })
        linesFloor.values.push(used!.ms)
        floorFrames.push(...used!.frames)
      },
    },
    () => {
      for (const samples of [usable, usableFloor, entrance, lines, linesFloor]) samples.values.length = 0
      logFrames.length = 0
      floorFrames.length = 0
    },
  )
  const [usableSide, entranceSide, linesSide] = [usable.side(), entrance.side(), lines.side()]
  const frames = new Samples()
  frames.values.push(...logFrames)
  const framesFloor = new Samples()
  framesFloor.values.push(...floorFrames)
  const slow = percentile(logFrames, 0.95)
  return [
    ...sizes,
    {
      row: 'console',
      what: `the sign-in page is usable, first visit, ${slowdown}× slower processor`,
      unit: 'ms',
      juanie: entranceSide,
      floor: null,
      goals: [atMost('p50 ≤ 1000 ms', entranceSide.p50, 1_000)],
      verified: '',
    },
    {
      row: 'console',
      what: `the overview of a project is usable, first visit, ${slowdown}× slower processor`,
      unit: 'ms',
      juanie: usableSide,
      floor: usableFloor.side(),
      goals: [atMost('p50 ≤ 1000 ms', usableSide.p50, 1_000)],
      verified: 'the floor is the same page written out, with as many bytes of code that nothing runs',
    },
    {
      row: 'console',
      what: `a step with ${longLines.toLocaleString('en')} lines is pressed → its first lines are painted`,
      unit: 'ms',
      juanie: linesSide,
      floor: linesFloor.side(),
      goals: [atMost('p50 ≤ 150 ms', linesSide.p50, 150)],
      verified: `all ${longLines.toLocaleString('en')} lines are stored`,
    },
    {
      row: 'console',
      what: 'a frame while that log scrolls',
      unit: 'ms',
      juanie: frames.side(),
      floor: framesFloor.side(),
      goals: [atMost('p95 ≤ 20 ms', slow, 20)],
      verified: `p95 ${slow.toFixed(1)} ms of ${logFrames.length} frames, the floor's ${percentile(floorFrames, 0.95).toFixed(1)} ms: plain text that scrolls`,
    },
  ]
}

export const consoleRow: Row = {
  name: 'console',
  about: 'the console in a browser: bytes, first use, a long log',
  measure,
}
