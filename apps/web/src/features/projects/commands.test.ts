import { expect, test } from 'vitest'
import { firstPush } from './commands.ts'

const of = { cloneUrl: 'http://127.0.0.1:3000/git/main/shop.git', slug: 'shop' }

test('a project from a template is cloned', () => {
  expect(firstPush({ ...of, branch: 'main', token: null })).toBe(`git clone http://127.0.0.1:3000/git/main/shop.git
cd shop
git commit --allow-empty -m "First push"
git push`)
})

test('into an empty project the folder at hand is pushed, with the token in the address', () => {
  expect(firstPush({ ...of, branch: null, token: 'jua_abc-DEF_1' })).toBe(`git init -b main
git add .
git commit -m "First push"
git remote add origin http://git:jua_abc-DEF_1@127.0.0.1:3000/git/main/shop.git
git push -u origin main`)
})

test('nothing of an address is taken for something else by the shell', () => {
  const cloneUrl = "http://host/git/main/a'b;rm.git"
  expect(firstPush({ ...of, cloneUrl, branch: 'main', token: null })).toContain(
    `git clone 'http://host/git/main/a'\\''b;rm.git'\n`,
  )
})
