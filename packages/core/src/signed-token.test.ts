import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { openToken, signToken } from './signed-token.ts'

const key = randomBytes(32)
const soon = () => Math.floor(Date.now() / 1000) + 60

test('a token opens under its key, and no other text does', () => {
  const token = signToken(key, { exp: soon(), job: 'a' })
  expect(openToken(key, token)).toMatchObject({ job: 'a' })
  expect(openToken(randomBytes(32), token)).toBeNull()
  const [head, body, signature] = token.split('.')
  const other = Buffer.from(JSON.stringify({ exp: soon(), job: 'b' })).toString('base64url')
  expect(openToken(key, `${head}.${other}.${signature}`)).toBeNull()
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url')
  expect(openToken(key, `${none}.${body}.`)).toBeNull()
  for (const text of ['', '.', '..', 'a.b.c', `${token}.`, token.slice(1)]) expect(openToken(key, text)).toBeNull()
})

test('a token whose time is over does not open', () => {
  expect(openToken(key, signToken(key, { exp: soon() - 61 }))).toBeNull()
})
