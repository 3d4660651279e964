import { expect, test } from 'vitest'
import { testApp } from './testing/test-app.ts'

test('a server starts, answers a call of the API, and ends', async () => {
  await using t = await testApp()
  const answer = await fetch(`${t.url}/api/trpc/auth.whoami`)
  expect(answer.status).toBe(401)
  expect(await answer.json()).toMatchObject({ error: { data: { reason: 'session.missing' } } })
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
})
