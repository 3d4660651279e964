import { createHmac, timingSafeEqual } from 'node:crypto'
import type { WebhookProvider } from '../connections/contract.ts'

export type WebhookHeaders = Record<string, string | string[] | undefined>

/** A stamp that is older is a call of somebody who listened. */
const maxAgeMs = 5 * 60_000

const headerOf = (headers: WebhookHeaders, name: string): string | null => {
  const value = headers[name]
  return typeof value === 'string' ? value : null
}

/** In constant time, also where the lengths differ. */
function isSame(given: string, wanted: Buffer): boolean {
  const bytes = Buffer.from(given)
  return timingSafeEqual(
    createHmac('sha256', 'compare').update(bytes).digest(),
    createHmac('sha256', 'compare').update(wanted).digest(),
  )
}

const hexOf = (secret: string, body: Buffer): Buffer =>
  Buffer.from(createHmac('sha256', secret).update(body).digest('hex'))

/**
 * Whether a call was signed with this secret, over the bytes as they came.
 *
 * - GitHub: `X-Hub-Signature-256: sha256=<hex>` (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
 * - Gitea and Forgejo: `X-Gitea-Signature` or `X-Forgejo-Signature`, hex without a prefix, beside GitHub's own.
 * - GitLab: the secret itself as `X-Gitlab-Token`, or Standard Webhooks (https://www.standardwebhooks.com): `whsec_…`,
 *   `webhook-signature: v1,<base64>` over `id.timestamp.body`.
 */
export function isSigned(
  provider: WebhookProvider,
  { headers, body, secret }: { headers: WebhookHeaders; body: Buffer; secret: string },
): boolean {
  const github = headerOf(headers, 'x-hub-signature-256')
  const byGithub = () => github !== null && isSame(github, Buffer.concat([Buffer.from('sha256='), hexOf(secret, body)]))
  if (provider === 'github') return byGithub()
  if (provider === 'gitea') {
    const own = headerOf(headers, 'x-gitea-signature') ?? headerOf(headers, 'x-forgejo-signature')
    return own === null ? byGithub() : isSame(own, hexOf(secret, body))
  }
  const standard = headerOf(headers, 'webhook-signature')
  if (standard !== null) return isSignedByStandard(headers, { signatures: standard, body, secret })
  const token = headerOf(headers, 'x-gitlab-token')
  return token !== null && isSame(token, Buffer.from(secret))
}

function isSignedByStandard(
  headers: WebhookHeaders,
  { signatures, body, secret }: { signatures: string; body: Buffer; secret: string },
): boolean {
  const id = headerOf(headers, 'webhook-id')
  const stamp = headerOf(headers, 'webhook-timestamp')
  if (!id || !stamp || !/^\d{1,12}$/.test(stamp)) return false
  if (Math.abs(Date.now() - Number(stamp) * 1000) > maxAgeMs) return false
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret)
  const wanted = createHmac('sha256', key).update(`${id}.${stamp}.`).update(body).digest('base64')
  return signatures.split(' ').some((each) => isSame(each, Buffer.from(`v1,${wanted}`)))
}
