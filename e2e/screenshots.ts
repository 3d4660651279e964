import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { hasBrowser, type Language, launchBrowser, Person, showTheme } from './lib/browser.ts'
import { furnish } from './lib/furnish.ts'
import { entrances, moments, places } from './lib/places.ts'
import { Shop } from './lib/shop.ts'

const help = `Takes a picture of every page of the console, in both themes and languages, on a desktop and on a phone.

  npm run screenshots -- --out <folder> [--only <page>,…] [--languages en,zh-CN] [--themes light,dark] [--sizes desktop,phone]

The pictures are named like run.desktop.dark.zh-CN.png. What they show is real: an installation of its own is started,
and filled by pushing, deploying and rolling back.`

const sizes = { desktop: { width: 1280, height: 800 }, phone: { isPhone: true } } as const
type Size = keyof typeof sizes

/** The program `npm run screenshots`; its exit code. */
export async function screenshots(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  let chosen: { out?: string; only?: string; languages: string; themes: string; sizes: string; help?: boolean }
  try {
    chosen = parseArgs({
      args,
      options: {
        out: text,
        only: text,
        languages: { ...text, default: 'en,zh-CN' },
        themes: { ...text, default: 'light,dark' },
        sizes: { ...text, default: 'desktop,phone' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    console.error((error as Error).message)
    return 2
  }
  if (chosen.help) {
    console.log(help)
    return 0
  }
  if (!chosen.out) {
    console.error('Say where the pictures go: npm run screenshots -- --out <folder>')
    return 2
  }
  if (!hasBrowser) return 1
  const out = resolve(chosen.out)
  mkdirSync(out, { recursive: true })
  const only = chosen.only?.split(',')
  const looks = chosen.sizes
    .split(',')
    .flatMap((size) => chosen.languages.split(',').map((language) => [size as Size, language as Language] as const))
  const themes = chosen.themes.split(',') as ('light' | 'dark')[]

  console.error('Filling an installation with runs, releases and deployments …')
  await using shop = await Shop.open()
  const furnished = await furnish(shop)
  const browser = await launchBrowser()
  const wrong: string[] = []
  let count = 0
  try {
    const all = { ...entrances, ...places(furnished) }
    for (const [size, language] of looks) {
      const look = { ...sizes[size], language }
      await using stranger = await Person.open(browser, shop.juanie, look)
      await using ada = await Person.open(browser, shop.juanie, look)
      await ada.signIn()
      const take = async (person: Person, name: string) => {
        for (const theme of themes) {
          await showTheme(person.page, theme)
          await person.page.waitForTimeout(50)
          await person.page.screenshot({ path: join(out, `${name}.${size}.${theme}.${language}.png`), fullPage: true })
          count++
        }
        await showTheme(person.page, 'light')
      }
      const attempt = async (name: string, act: () => Promise<void>) => {
        if (only && !only.includes(name)) return
        await act().catch((error: Error) =>
          wrong.push(`${name} (${size}, ${language}): ${error.message.split('\n')[0]}`),
        )
      }
      for (const [name, path] of Object.entries(all)) {
        const person = name in entrances ? stranger : ada
        await attempt(name, async () => {
          await person.go(path)
          await take(person, name)
        })
      }
      for (const [name, moment] of Object.entries(moments(furnished))) {
        await attempt(name, async () => {
          await ada.go(moment.path)
          await moment.open(ada.page)
          await ada.settled()
          await take(ada, name)
        })
      }
    }
  } finally {
    await browser.close()
  }
  console.log(`${count} pictures in ${out}`)
  for (const line of wrong) console.error(`no picture of ${line}`)
  return wrong.length > 0 ? 1 : 0
}
