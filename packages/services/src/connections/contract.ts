import * as z from 'zod/mini'

/** `git` is any other repository: it tells of nothing by itself and is only looked at. */
export const providers = ['github', 'gitlab', 'gitea', 'git'] as const
export type Provider = (typeof providers)[number]

/** Those that can tell of pushes by webhook. */
export const webhookProviders = ['github', 'gitlab', 'gitea'] as const
export type WebhookProvider = (typeof webhookProviders)[number]

const hostsOf: Record<string, Provider> = {
  'github.com': 'github',
  'gitlab.com': 'gitlab',
  'gitea.com': 'gitea',
  'codeberg.org': 'gitea',
}

/** What a well-known host is; a repository of any other host is plain git until somebody says more. */
export const providerOf = (url: string): Provider => hostsOf[new URL(url).hostname.toLowerCase()] ?? 'git'

/** `https://host/owner/name`, however it was written. Null for what is no such address. */
export function cleanUrl(text: string): string | null {
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  if (!/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) return null
  const path = url.pathname.replace(/\/+$/, '').replace(/\.git$/, '')
  if (!/^(\/(?!\.\.?(\/|$))[\w.~+%-]+)+$/.test(path)) return null
  return `${url.origin}${path}`
}

const RepositoryUrl = z.string().check(
  z.trim(),
  z.maxLength(500),
  z.refine((text) => cleanUrl(text) !== null, {
    error:
      'Give the http or https address of a repository, such as https://github.com/acme/shop, without user name and password.',
  }),
)

const secret = z.string().check(z.trim(), z.minLength(1), z.maxLength(4_000))

export const RemoteCredential = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none') }),
  /** An access token of the forge. */
  z.object({ kind: z.literal('token'), token: secret }),
  z.object({
    kind: z.literal('password'),
    username: z.string().check(z.minLength(1), z.maxLength(200)),
    password: secret,
  }),
])
export type RemoteCredential = z.infer<typeof RemoteCredential>

export const ConnectRepository = z.object({
  url: RepositoryUrl,
  /** By the host where it is not given. */
  provider: z.optional(z.enum(providers)),
  credential: z._default(RemoteCredential, { kind: 'none' }),
})
export type ConnectRepository = z.infer<typeof ConnectRepository>

/** A connection as every surface shows it: never its credential, never its secret. */
export interface ConnectionView {
  id: string
  provider: Provider
  /** Address of the repository, without a credential. */
  url: string
  credential: RemoteCredential['kind']
  /** Where the forge sends its webhooks; null where nothing sends any. */
  webhookUrl: string | null
  /** When the repository was last looked at with success. */
  syncedAt: Date | null
  /** When it is looked at next. */
  pollAt: Date
  /** When a webhook came last. */
  heardAt: Date | null
  /** Why it cannot be read now. */
  failure: string | null
  failedSince: Date | null
  createdAt: Date
}
