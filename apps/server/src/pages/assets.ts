import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const style = `
* { box-sizing: border-box }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; grid-template: auto 1fr auto / minmax(0, 1fr);
  background: var(--page); color: var(--text); -webkit-font-smoothing: antialiased;
  font: .875rem/1.375rem Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif;
}
a { color: inherit; text-underline-offset: .15em }
body > header { display: flex; justify-content: space-between; align-items: center; gap: 1rem; min-height: 3.25rem; padding: .5rem 1rem }
.brand { display: flex; align-items: center; gap: .5rem; min-height: 1.5rem; font-size: 1rem; font-weight: 600; text-decoration: none }
.mark { width: 1.5rem; height: 1.5rem; flex: none }
.mark rect { fill: var(--accent) }
.mark path { fill: none; stroke: var(--surface); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round }
nav ul { display: flex; gap: .25rem; list-style: none; margin: 0; padding: 0; font-size: .8125rem }
nav a { display: block; padding: .25rem .5rem; border-radius: .375rem; color: var(--muted); text-decoration: none }
nav a:hover { background: var(--hover); color: var(--text) }
nav [aria-current] { color: var(--text); font-weight: 500 }
main { width: 100%; max-width: 25rem; margin: clamp(1rem, 12vh, 8rem) auto 3rem; padding: 0 1rem }
h1 { font-size: 1.5rem; line-height: 1.875rem; font-weight: 600; letter-spacing: -.015em; margin: 0 0 .375rem; overflow-wrap: anywhere }
p { margin: 0 0 .75rem; overflow-wrap: anywhere }
.quiet { color: var(--muted) }
.quiet strong { color: var(--text); font-weight: 600 }
.card { margin-top: 1.5rem; padding: 1.25rem; background: var(--surface); border: 1px solid var(--line); border-radius: .75rem; box-shadow: 0 1px 2px rgb(0 0 0 / .04) }
.card > :last-child { margin-bottom: 0 }
label { display: block; font-size: .8125rem; font-weight: 500; margin: 0 0 .375rem }
.field { margin-bottom: 1rem }
.hint, .wrong { font-size: .75rem; line-height: 1.125rem; margin: .375rem 0 0 }
.hint { color: var(--muted) }
.wrong { color: var(--bad) }
input { width: 100%; height: 2.25rem; font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--line-strong); border-radius: .375rem; padding: 0 .625rem }
input[aria-invalid] { border-color: var(--bad) }
button { width: 100%; height: 2.25rem; font: inherit; font-weight: 500; border-radius: .375rem; border: 0; padding: 0 .75rem; cursor: pointer; background: var(--primary); color: var(--on-primary) }
button:hover { opacity: .9 }
button[disabled] { opacity: .6; cursor: progress }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
[role=alert] { background: var(--bad-soft); color: var(--bad); font-size: .8125rem; line-height: 1.25rem; border-radius: .5rem; padding: .625rem .75rem; margin-bottom: 1rem }
body > footer { padding: 1rem; text-align: center; font-size: .75rem; color: var(--muted) }
::selection { background: var(--accent-soft); color: var(--text) }
@media (pointer: coarse) { input, button { height: 2.75rem; font-size: 1rem } }
`

const script = `
'use strict'
// The server never hears of the part behind #, such as a line of a log: it goes along with where to go next.
if (location.hash) {
  const next = (address) => {
    const url = new URL(address, location.href)
    if (url.searchParams.has('next')) url.searchParams.set('next', url.searchParams.get('next') + location.hash)
    return url.href
  }
  for (const form of document.querySelectorAll('form[action]')) form.action = next(form.action)
  for (const link of document.querySelectorAll('nav a')) link.href = next(link.href)
}
for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', () => {
    // After the browser has gathered the fields: a second click sends nothing more.
    setTimeout(() => { for (const button of form.querySelectorAll('button')) button.disabled = true })
  })
}
addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('button[disabled]')) button.disabled = false
})
`

const asset = (content: string, ending: string, type: string) => {
  const body = Buffer.from(content.trim())
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16)
  return { body, type, url: `/assets/${hash}.${ending}` }
}

export type Assets = Record<'style' | 'script', ReturnType<typeof asset>>

/**
 * What the pages before the sign-in load, named by content: a browser keeps it for ever and never has an old one.
 * Their colours are those of the console. `theme.js` chooses between light and dark; where scripts are switched off,
 * the system does.
 */
export function entranceAssets(root: string): Assets {
  const tokens = readFileSync(join(root, 'apps', 'web', 'src', 'styles', 'tokens.css'), 'utf8')
  const dark = /:root\.dark (\{[^}]*\})/.exec(tokens)?.[1]
  if (!dark) throw new Error('The colours of the console have no dark set.')
  const unscripted = `@media (scripting: none) and (prefers-color-scheme: dark) { :root ${dark} }`
  return {
    style: asset(`${tokens}\n${unscripted}\n${style}`, 'css', 'text/css; charset=utf-8'),
    script: asset(script, 'js', 'text/javascript; charset=utf-8'),
  }
}
