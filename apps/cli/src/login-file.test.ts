import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readLogin, writeLogin } from './login-file.ts'

test('a login is read as it was written, and whatever is none is called damaged', () => {
  const folder = mkdtempSync(join(tmpdir(), 'juanie-login-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  expect(readLogin(folder)).toBeNull()
  const login = { url: 'http://127.0.0.1:3000', token: 'jua_x', tokenId: null, email: 'me@example.com' }
  writeLogin(folder, login)
  expect(readLogin(folder)).toEqual(login)
  for (const text of ['', '{', '[]', 'null', '{"url":1}', '{"url":"http://127.0.0.1:3000"}']) {
    writeFileSync(join(folder, 'login.json'), text)
    expect(() => readLogin(folder), text).toThrow('is damaged')
  }
})
