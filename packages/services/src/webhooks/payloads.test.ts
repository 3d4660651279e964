import { createHmac } from 'node:crypto'
import examples from '@octokit/webhooks-examples'
import { expect, test } from 'vitest'
import { addressesOf, callOf, newsOf, readBody } from './payloads.ts'
import { isSigned } from './signatures.ts'

const secret = "It's a Secret to Everybody"
/** Its types speak of another way to export them. */
const documented = examples as unknown as { name: string; examples: unknown[] }[]
const every = documented.flatMap(({ name, examples: bodies }) =>
  bodies.map((body) => ({ name, body: body as Record<string, unknown> })),
)

test('every payload that GitHub documents is read, and only its pushes are pushes', () => {
  expect(every.length).toBeGreaterThan(100)
  for (const { name, body } of every) {
    const told = newsOf('github', name, body)
    expect({ name, kind: told.kind }).toEqual({
      name,
      kind: name === 'push' ? 'push' : name === 'ping' ? 'ping' : 'other',
    })
    if (told.kind === 'push') expect(told.news).toEqual({ ref: body.ref, before: body.before, after: body.after })
    const addresses = addressesOf('github', body)
    if (name === 'push') expect(addresses).toContain('https://github.com/Codertocat/Hello-World')
    for (const address of addresses) expect(address).toMatch(/^https?:\/\/[^?#@]+$/)
  }
})

test('their signatures hold over the bytes, and over no others', () => {
  // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
  const published = {
    'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
  }
  const body = Buffer.from('Hello, World!')
  expect(isSigned('github', { headers: published, body, secret })).toBe(true)
  expect(isSigned('github', { headers: published, body: Buffer.from('Hello, World'), secret })).toBe(false)
  expect(isSigned('github', { headers: published, body, secret: 'another' })).toBe(false)
  expect(isSigned('gitea', { headers: published, body, secret })).toBe(true)
  expect(isSigned('gitlab', { headers: published, body, secret })).toBe(false)
})

test('signatures of Standard Webhooks hold for five minutes', () => {
  const key = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const body = Buffer.from('{}')
  const signed = (seconds: number) => ({
    'webhook-id': 'one',
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,wrong v1,${createHmac('sha256', Buffer.alloc(32, 7)).update(`one.${seconds}.`).update(body).digest('base64')}`,
  })
  const now = Math.floor(Date.now() / 1000)
  expect(isSigned('gitlab', { headers: signed(now), body, secret: key })).toBe(true)
  expect(isSigned('gitlab', { headers: signed(now - 600), body, secret: key })).toBe(false)
  expect(isSigned('gitlab', { headers: signed(now), body: Buffer.from('[]'), secret: key })).toBe(false)
  // A call that has one is judged by it, whatever else it says.
  expect(isSigned('gitlab', { headers: { ...signed(1), 'x-gitlab-token': key }, body, secret: key })).toBe(false)
})

test('of what a call says, nothing secret is kept', () => {
  const call = callOf('gitlab', {
    'x-gitlab-event': 'Push Hook',
    'x-gitlab-event-uuid': 'one',
    'x-gitlab-token': secret,
    'webhook-signature': 'v1,abc',
    authorization: 'Bearer abc',
    cookie: 'a=b',
  })
  expect(call).toEqual({
    event: 'Push Hook',
    deliveryId: 'one',
    headers: { 'x-gitlab-event': 'Push Hook', 'x-gitlab-event-uuid': 'one' },
  })
  expect(callOf('github', { 'x-github-event': 'push' })).toBeNull()
})

test('a body that is no object is not read, and a form is', () => {
  for (const text of ['', 'null', '[]', '1', '{', '\0']) expect(readBody(Buffer.from(text), undefined)).toBeNull()
  expect(readBody(Buffer.from('payload=%7B%22a%22%3A1%7D'), 'application/x-www-form-urlencoded')).toEqual({ a: 1 })
})

test('a push of anything but what a push holds is said to be none', () => {
  const id = 'a'.repeat(40)
  const other = 'b'.repeat(40)
  for (const body of [
    {},
    { ref: 'refs/heads/main', before: id },
    { ref: 'refs/heads/main', before: '--upload-pack=x', after: id },
    { ref: 'refs/pull/1/head', before: id, after: other },
    { ref: 'refs/heads/main', before: id, after: id },
    { ref: 1, before: id, after: other },
  ]) {
    expect(newsOf('github', 'push', body).kind).toBe('other')
  }
})
