import * as z from 'zod/mini'
import { cleanUrl, type WebhookProvider } from '../connections/contract.ts'
import type { RefNews } from '../connections/index.ts'
import { noCommit } from '../repositories/index.ts'
import type { WebhookHeaders } from './signatures.ts'

/** What the headers of a call say, before anybody reads its body. */
export interface Call {
  event: string
  deliveryId: string
  /** To be kept: nothing in them is secret. */
  headers: Record<string, string>
}

export type News = { kind: 'push'; news: RefNews } | { kind: 'ping' } | { kind: 'other'; reason: string }

const eventHeaders: Record<WebhookProvider, { event: string[]; id: string[] }> = {
  github: { event: ['x-github-event'], id: ['x-github-delivery'] },
  gitlab: { event: ['x-gitlab-event'], id: ['webhook-id', 'idempotency-key', 'x-gitlab-event-uuid'] },
  gitea: {
    event: ['x-forgejo-event', 'x-gitea-event', 'x-github-event'],
    id: ['x-forgejo-delivery', 'x-gitea-delivery', 'x-github-delivery'],
  },
}
const kept =
  /^(user-agent|content-type|webhook-(id|timestamp)|idempotency-key|x-(github|gitlab|gitea|forgejo)-(?!token|signature).*)$/

/** Null when a header that every call of this provider has is missing. */
export function callOf(provider: WebhookProvider, headers: WebhookHeaders): Call | null {
  const first = (names: string[]) =>
    names.map((name) => headers[name]).find((value): value is string => typeof value === 'string' && value !== '')
  const event = first(eventHeaders[provider].event)
  const deliveryId = first(eventHeaders[provider].id)
  if (!event || !deliveryId || event.length > 100 || deliveryId.length > 200) return null
  const shown = Object.entries(headers).filter(
    (entry): entry is [string, string] => kept.test(entry[0]) && typeof entry[1] === 'string',
  )
  return {
    event,
    deliveryId,
    headers: Object.fromEntries(shown.map(([name, value]) => [name, value.slice(0, 500)])),
  }
}

/** The body as a value; null for what is no JSON object. GitHub sends a form where it was told to. */
export function readBody(body: Buffer, contentType: string | undefined): Record<string, unknown> | null {
  try {
    const text = body.toString('utf8')
    const json = contentType?.startsWith('application/x-www-form-urlencoded')
      ? (new URLSearchParams(text).get('payload') ?? '')
      : text
    const value: unknown = JSON.parse(json)
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

const Id = z.string().check(z.regex(/^[0-9a-f]{40}$/))
const Push = z.object({
  ref: z.string().check(z.minLength(1), z.maxLength(250)),
  before: Id,
  after: Id,
  /** GitLab: what a tag or branch means, where `after` is a tag object. */
  checkout_sha: z.optional(z.nullable(Id)),
})

const pushEvents: Record<WebhookProvider, string[]> = {
  github: ['push'],
  gitlab: ['Push Hook', 'Tag Push Hook', 'System Hook'],
  gitea: ['push'],
}

/** What a call tells of. */
export function newsOf(provider: WebhookProvider, event: string, body: Record<string, unknown>): News {
  if (provider !== 'gitlab' && event === 'ping') return { kind: 'ping' }
  if (!pushEvents[provider].includes(event)) {
    return { kind: 'other', reason: `Nothing here waits for the event "${event.slice(0, 60)}".` }
  }
  const push = Push.safeParse(body)
  if (!push.success) {
    const field = push.error.issues[0]?.path.join('.') || 'the body'
    return { kind: 'other', reason: `This push cannot be read: ${field} is not what a push holds.` }
  }
  const { ref, before, after } = push.data
  if (!/^refs\/(heads|tags)\//.test(ref)) {
    return { kind: 'other', reason: `Only branches and tags start runs, and ${ref.slice(0, 100)} is neither.` }
  }
  if (before === after || (before === noCommit && after === noCommit)) {
    return { kind: 'other', reason: 'Nothing moved.' }
  }
  return { kind: 'push', news: { ref, before, after } }
}

/** Addresses by which the repository of a call may be connected. */
export function addressesOf(provider: WebhookProvider, body: Record<string, unknown>): string[] {
  const place = (provider === 'gitlab' ? (body.project ?? body.repository) : body.repository) as
    | Record<string, unknown>
    | undefined
  const named = ['clone_url', 'html_url', 'git_http_url', 'web_url', 'homepage', 'url']
  const urls = named.flatMap((name) => {
    const value = place?.[name]
    return typeof value === 'string' && value.length <= 500 ? [value] : []
  })
  return [...new Set(urls.flatMap((url) => cleanUrl(url) ?? []))]
}
