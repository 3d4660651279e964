import { createHash } from 'node:crypto'

const style = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #101418);
  --card: light-dark(#ffffff, #181d23);
  --text: light-dark(#1a2129, #e7ebf0);
  --quiet: light-dark(#566270, #9aa7b5);
  --line: light-dark(#d4dae1, #333c47);
  --accent: light-dark(#1459c7, #7db0ff);
  --on-accent: light-dark(#ffffff, #0b1320);
  --bad: light-dark(#b3261e, #ff9d94);
  --bad-back: light-dark(#fdecea, #3a1c1b);
  --code: light-dark(#eef1f5, #0c1014);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif;
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; background: var(--back); color: var(--text); display: grid; grid-template: auto 1fr / minmax(0, 1fr) }
header { display: flex; justify-content: space-between; align-items: center; gap: 1rem; padding: 1rem clamp(1rem, 4vw, 2.5rem) }
header a.brand { color: inherit; font-weight: 700; font-size: 1.125rem; text-decoration: none }
nav ul { display: flex; gap: .75rem; list-style: none; margin: 0; padding: 0; font-size: .9375rem }
nav [aria-current] { color: var(--text); font-weight: 600 }
a { color: var(--accent) }
main { width: min(100%, 26rem); margin: clamp(1rem, 8vh, 5rem) auto 3rem; padding: 0 1rem }
main.wide { width: min(100%, 46rem); margin-top: clamp(.5rem, 3vh, 2rem) }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem }
h2 { font-size: 1.125rem; margin: 2rem 0 .75rem }
p { margin: 0 0 1rem }
.quiet { color: var(--quiet) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem }
label { display: block; font-weight: 600; margin: 0 0 .25rem }
.field { margin-bottom: 1rem }
.field .hint { color: var(--quiet); font-size: .875rem; margin: .25rem 0 0 }
.field .wrong { color: var(--bad); font-size: .875rem; margin: .25rem 0 0 }
input { width: 100%; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--quiet); border-radius: .5rem; padding: .55rem .7rem }
input[aria-invalid] { border-color: var(--bad) }
button { font: inherit; font-weight: 600; border-radius: .5rem; border: 1px solid transparent; padding: .55rem 1rem; cursor: pointer; background: var(--accent); color: var(--on-accent) }
button.plain { background: transparent; color: var(--accent); border-color: var(--line); font-weight: 500; padding: .3rem .75rem }
button[disabled] { opacity: .6; cursor: progress }
.card button.main { width: 100%; margin-top: .25rem }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[role=alert] { background: var(--bad-back); color: var(--bad); border-radius: .5rem; padding: .75rem 1rem; margin-bottom: 1rem }
.who { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; justify-content: space-between }
.who p { margin: 0; overflow-wrap: anywhere }
ol.steps { list-style: none; counter-reset: step; margin: 0; padding: 0 }
ol.steps > li { counter-increment: step; position: relative; padding: 0 0 1.25rem 2.5rem }
ol.steps > li::before { content: counter(step); position: absolute; left: 0; top: .05rem; width: 1.6rem; height: 1.6rem; border-radius: 50%; border: 1px solid var(--line); display: grid; place-items: center; font-size: .875rem; font-weight: 600 }
ol.steps h3 { font-size: 1rem; margin: 0 0 .25rem }
ol.steps p { margin: .35rem 0 0; font-size: .9375rem }
.command { display: flex; gap: .5rem; align-items: start }
pre { flex: 1; min-width: 0; margin: 0; padding: .6rem .8rem; background: var(--code); border: 1px solid var(--line); border-radius: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; font: .875rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--code); border-radius: .25rem; padding: .1em .3em }
ul.names { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; padding: 0; margin: 0 }
ul.names li { background: var(--card); border: 1px solid var(--line); border-radius: 2rem; padding: .2rem .8rem }
[hidden] { display: none !important }
@media (prefers-reduced-motion: no-preference) { button { transition: opacity .15s } }
`

const script = `
'use strict'
for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', () => {
    // After the browser has gathered the fields: a second click sends nothing more.
    setTimeout(() => { for (const button of form.querySelectorAll('button')) button.disabled = true })
  })
}
addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('button[disabled]')) button.disabled = false
})
if (navigator.clipboard) {
  for (const button of document.querySelectorAll('button[data-copies]')) {
    button.hidden = false
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent)
      const label = button.textContent
      button.textContent = button.dataset.done
      setTimeout(() => { button.textContent = label }, 1500)
    })
  }
}
`

const asset = (content: string, ending: string, type: string) => {
  const body = Buffer.from(content.trim())
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16)
  return { body, type, url: `/assets/${hash}.${ending}` }
}

/** Named by their content: a browser keeps them for ever and never has an old one. */
export const assets = {
  style: asset(style, 'css', 'text/css; charset=utf-8'),
  script: asset(script, 'js', 'text/javascript; charset=utf-8'),
}
