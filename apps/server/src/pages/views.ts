import type { OpenInvitation } from '@juanie/services/organizations'
import type { Assets } from './assets.ts'
import { type Html, html } from './html.ts'
import { type Language, languages, type Sentence, type Texts } from './texts.ts'

export interface Frame {
  language: Language
  /** Without query: the language links lead here. */
  path: string
  /** The path of our own that a sign-in leads to. */
  next: string | null
  assets: Assets
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
    const query = new URLSearchParams({ lang: tag, ...(frame.next && { next: frame.next }) })
    return html`<li><a href="${frame.path}?${String(query)}" lang="${tag}" hreflang="${tag}"${current && html` aria-current="true"`}>${languages[tag].name}</a></li>`
  })
  return html`<!doctype html>
<html lang="${t.tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}${title === t.title ? '' : ` · ${t.title}`}</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${frame.assets.style.url}">
<script src="/theme.js"></script>
<script src="${frame.assets.script.url}" defer></script>
</head>
<body>
<header><a class="brand" href="/">${mark}${t.title}</a><nav aria-label="${t.language}"><ul>${choices}</ul></nav></header>
${main}
<footer>${t.tagline}</footer>
</body>
</html>
`.text
}

const mark = html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="6"/><path d="M16 5v9a4.5 4.5 0 0 1-9 0v-3M4.2 13.6 7 10.8l2.8 2.8"/></svg>`

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

export function signInPage(frame: Frame, trouble: Trouble = none): string {
  const t = textsOf(frame)
  const target = frame.next ? `/sign-in?next=${encodeURIComponent(frame.next)}` : '/sign-in'
  return page(
    frame,
    t.signIn,
    html`<main><h1>${t.signInTitle}</h1><p class="quiet">${frame.next ? t.signInNext : t.signInIntro}</p>
<form class="card" method="post" action="${target}">${alert(trouble)}${field(email(t), trouble)}${field(oldPassword(t), trouble)}
<button>${t.signIn}</button></form></main>`,
  )
}

export function notSetUpPage(frame: Frame): string {
  const t = textsOf(frame)
  return page(
    frame,
    t.notSetUpTitle,
    html`<main><h1>${t.notSetUpTitle}</h1><p class="quiet">${t.notSetUp}</p>
<div class="card"><p>${t.notSetUpHint}</p></div></main>`,
  )
}

export function setupPage(frame: Frame, setup: { organization: string }, trouble: Trouble = none): string {
  const t = textsOf(frame)
  return page(
    frame,
    t.setupTitle,
    html`<main><h1>${t.setupTitle}</h1><p class="quiet">${t.setupIntro(setup.organization)}</p>
<form class="card" method="post">${alert(trouble)}${field(email(t), trouble)}${field(name(t), trouble)}${field(newPassword(t), trouble)}
<button>${t.create}</button></form></main>`,
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
    ? html`<div class="card">${alert(trouble)}<p>${t.otherAccount(invitation.signedIn!)}</p>${signOut(t)}</div>`
    : html`<form class="card" method="post">${alert(trouble)}<input type="hidden" name="email" autocomplete="username" value="${invitation.email}">${form}
<button>${t.accept}</button></form>`
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

const signOut = (t: Texts) => html`<form method="post" action="/sign-out"><button>${t.signOut}</button></form>`
