import type { OpenInvitation } from '@juanie/services/organizations'
import { assets } from './assets.ts'
import { type Html, html } from './html.ts'
import { type Language, languages, type Sentence, type Texts } from './texts.ts'

export interface Frame {
  language: Language
  /** Without query: the language links lead here. */
  path: string
}

/** What is wrong with a form that was sent, and what it held. */
export interface Trouble {
  alert: Sentence | null
  fields: Partial<Record<'email' | 'name' | 'password', string>>
  values: Partial<Record<'email' | 'name', string>>
}

const none: Trouble = { alert: null, fields: {}, values: {} }

export const textsOf = ({ language }: Frame): Texts => languages[language]

function page(frame: Frame, title: string, main: Html): string {
  const t = textsOf(frame)
  const choices = (Object.keys(languages) as Language[]).map((tag) => {
    const current = tag === frame.language
    return html`<li><a href="${frame.path}?lang=${tag}" lang="${tag}" hreflang="${tag}"${current && html` aria-current="true"`}>${languages[tag].name}</a></li>`
  })
  return html`<!doctype html>
<html lang="${t.tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}${title === t.title ? '' : ` · ${t.title}`}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assets.style.url}">
<script src="${assets.script.url}" defer></script>
</head>
<body>
<header><a class="brand" href="/">${t.title}</a><nav aria-label="${t.language}"><ul>${choices}</ul></nav></header>
${main}
</body>
</html>
`.text
}

const alert = ({ alert }: Trouble) => alert && html`<p role="alert">${alert}</p>`

interface Field {
  name: 'email' | 'name' | 'password'
  label: string
  autocomplete: string
  hint?: string
  isFirst?: boolean
}

function field({ name, label, autocomplete, hint, isFirst }: Field, trouble: Trouble): Html {
  const wrong = trouble.fields[name]
  const about = [wrong ? `${name}-wrong` : null, hint ? `${name}-hint` : null].filter(Boolean).join(' ')
  const wrongs = Object.keys(trouble.fields)
  // After a wrong password that is the field to fill again.
  const isFirstEmpty = trouble.values.email ? name === 'password' : isFirst
  const hasFocus =
    wrongs.length > 0
      ? (['email', 'name', 'password'] as const).find((one) => trouble.fields[one]) === name
      : isFirstEmpty
  const value = name === 'password' ? undefined : trouble.values[name]
  const limits =
    name === 'email' ? html` maxlength="320"` : name === 'name' ? html` maxlength="100"` : html` maxlength="256"`
  return html`<div class="field"><label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${name === 'name' ? 'text' : name}" autocomplete="${autocomplete}" required${limits}${autocomplete === 'new-password' && html` minlength="8"`}${value && html` value="${value}"`}${wrong && html` aria-invalid="true"`}${about && html` aria-describedby="${about}"`}${hasFocus && html` autofocus`}>
${wrong && html`<p class="wrong" id="${name}-wrong">${wrong}</p>`}${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}</div>`
}

const email = (t: Texts): Field => ({ name: 'email', label: t.email, autocomplete: 'username', isFirst: true })
const name = (t: Texts): Field => ({ name: 'name', label: t.yourName, autocomplete: 'name' })
const newPassword = (t: Texts): Field => ({
  name: 'password',
  label: t.newPassword,
  autocomplete: 'new-password',
  hint: t.passwordHint,
})
const oldPassword = (t: Texts): Field => ({ name: 'password', label: t.password, autocomplete: 'current-password' })

/** `next` is the path of our own that the form leads to. */
export function signInPage(frame: Frame, trouble: Trouble = none, next: string | null = null): string {
  const t = textsOf(frame)
  const target = next ? `/sign-in?next=${encodeURIComponent(next)}` : '/sign-in'
  return page(
    frame,
    t.signIn,
    html`<main><h1>${t.signIn}</h1><p class="quiet">${t.tagline}</p>
<form class="card" method="post" action="${target}">${alert(trouble)}${field(email(t), trouble)}${field(oldPassword(t), trouble)}
<button class="main">${t.signIn}</button></form></main>`,
  )
}

export function notSetUpPage(frame: Frame): string {
  const t = textsOf(frame)
  return page(
    frame,
    t.title,
    html`<main><h1>${t.title}</h1><p class="quiet">${t.tagline}</p>
<div class="card"><p><strong>${t.notSetUp}</strong></p><p>${t.notSetUpHint}</p></div></main>`,
  )
}

export function setupPage(frame: Frame, setup: { organization: string }, trouble: Trouble = none): string {
  const t = textsOf(frame)
  return page(
    frame,
    t.setupTitle,
    html`<main><h1>${t.setupTitle}</h1><p class="quiet">${t.setupIntro(setup.organization)}</p>
<form class="card" method="post">${alert(trouble)}${field(email(t), trouble)}${field(name(t), trouble)}${field(newPassword(t), trouble)}
<button class="main">${t.create}</button></form></main>`,
  )
}

export function invitePage(
  frame: Frame,
  invitation: OpenInvitation & { /** Who is signed in. */ signedIn: string | null },
  trouble: Trouble = none,
): string {
  const t = textsOf(frame)
  const title = t.inviteTitle(invitation.organization.name)
  const isOther = invitation.signedIn && invitation.signedIn.toLowerCase() !== invitation.email.toLowerCase()
  const form = invitation.signedIn
    ? html``
    : invitation.hasAccount
      ? html`<p>${t.inviteSignIn}</p>${field({ ...oldPassword(t), isFirst: true }, trouble)}`
      : html`<p>${t.inviteNew}</p>${field({ ...name(t), isFirst: true }, trouble)}${field(newPassword(t), trouble)}`
  return page(
    frame,
    title,
    html`<main><h1>${title}</h1><p class="quiet">${t.inviteIntro(invitation.email, t.roles[invitation.role])}</p>
${
  isOther
    ? html`<div class="card">${alert(trouble)}<p>${t.otherAccount(invitation.signedIn!)}</p>${signOut(t, 'main')}</div>`
    : html`<form class="card" method="post">${alert(trouble)}<input type="hidden" name="email" autocomplete="username" value="${invitation.email}">${form}
<button class="main">${t.accept}</button></form>`
}</main>`,
  )
}

export function problemPage(frame: Frame, title: string, sentence: Sentence): string {
  const t = textsOf(frame)
  return page(
    frame,
    title,
    html`<main><h1>${title}</h1><div class="card"><p>${sentence}</p><p><a href="/">${t.home}</a></p></div></main>`,
  )
}

export interface RunFacts {
  project: string
  number: number
  title: string
  status: string
  jobs: { name: string; status: string }[]
}

/** Where the `remote:` lines of a push lead, until the console shows more. */
export function runPage(frame: Frame, run: RunFacts): string {
  const t = textsOf(frame)
  const title = `${run.project} #${run.number}`
  const status = (name: string) => html`<span class="quiet">${t.statuses[name] ?? name}</span>`
  const commands: [string, string][] = [
    [t.watchRun, `juanie run watch ${run.number} --project ${run.project}`],
    [t.readLogs, `juanie logs ${run.number} --project ${run.project}`],
  ]
  return page(
    frame,
    title,
    html`<main class="wide"><h1>${title}</h1><p>${run.title} ${status(run.status)}</p>
<ul class="names">${run.jobs.map((job) => html`<li>${job.name} ${status(job.status)}</li>`)}</ul>
<h2>${t.onTerminal}</h2><ol class="steps">${commands.map(([name, command], place) => step(t, { place, title: name, command, hint: '' }))}</ol></main>`,
  )
}

export interface Home {
  email: string
  organizations: { slug: string; role: keyof Texts['roles'] }[]
  /** Address of this installation, and the folder of the clone. */
  url: string
  root: string
}

export function homePage(frame: Frame, home: Home): string {
  const t = textsOf(frame)
  const organization = home.organizations[0]?.slug ?? 'main'
  const steps: [string, string, Sentence][] = [
    [
      t.stepCommand,
      `mkdir -p ~/.local/bin && ln -sf ${quoted(`${home.root}/apps/cli/bin/juanie.mjs`)} ~/.local/bin/juanie`,
      t.stepCommandHint,
    ],
    [t.stepLogin, `juanie login --url ${home.url} --email ${quoted(home.email)}`, t.stepLoginHint],
    [t.stepProject, `juanie project create shop --org ${organization} --template node`, t.stepProjectHint],
    [
      t.stepPush,
      `git clone ${home.url}/git/${organization}/shop.git && cd shop\ngit commit --allow-empty -m 'First change' && git push`,
      t.stepPushHint,
    ],
    [t.stepWatch, 'juanie run watch && juanie status', t.stepWatchHint],
  ]
  return page(
    frame,
    t.title,
    html`<main class="wide"><div class="who"><p>${t.signedInAs(home.email)}</p>${signOut(t, 'plain')}</div>
${
  home.organizations.length > 0 &&
  html`<h2>${t.organizations}</h2><ul class="names">${home.organizations.map(({ slug, role }) => html`<li>${slug} <span class="quiet">${t.roles[role]}</span></li>`)}</ul>`
}
<h2>${t.next}</h2><ol class="steps">${steps.map(([title, command, hint], place) => step(t, { place, title, command, hint }))}</ol></main>`,
  )
}

const step = (
  t: Texts,
  { place, title, command, hint }: { place: number; title: string; command: string; hint: Sentence },
) =>
  html`<li><h3>${title}</h3><div class="command"><pre id="command-${place}" tabindex="0">${command}</pre><button class="plain" type="button" hidden data-copies="command-${place}" data-done="${t.copied}">${t.copy}</button></div>${hint && html`<p class="quiet">${hint}</p>`}</li>`

const signOut = (t: Texts, kind: 'main' | 'plain') =>
  html`<form method="post" action="/sign-out"><button class="${kind}">${t.signOut}</button></form>`

/** One word for a POSIX shell. */
const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
