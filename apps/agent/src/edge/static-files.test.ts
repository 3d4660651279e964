import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { staticServer } from './static-files.ts'
import { ask, raw, temporaryFolder } from './testing/index.ts'

async function site(files: Record<string, string | Buffer>, options: { isSinglePage?: boolean } = {}) {
  const parent = temporaryFolder()
  const folder = join(parent.path, 'site')
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) write(name, content)
  const server = staticServer({ folder, ...options })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    folder,
    parent: parent.path,
    port,
    write,
    get: (path: string, headers: Record<string, string> = {}, method = 'GET') => ask({ port, path, headers, method }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await parent[Symbol.asyncDispose]()
    },
  }
}

test('files, pages without their suffix and folders are served with their types', async () => {
  await using s = await site({
    'index.html': '<h1>home',
    'about.html': 'about',
    'docs/index.html': 'docs',
    'a b/ü.svg': '<svg/>',
    'app.js': 'x',
    'font.woff2': 'f',
    'data.unknown-type': 'd',
    '.well-known/security.txt': 'contact',
  })
  expect(await s.get('/')).toMatchObject({
    status: 200,
    body: '<h1>home',
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })
  expect(await s.get('/about')).toMatchObject({ status: 200, body: 'about' })
  expect(await s.get('/about.html?x=1')).toMatchObject({ status: 200, body: 'about' })
  expect(await s.get('/docs/')).toMatchObject({ status: 200, body: 'docs' })
  expect(await s.get('/docs?x=1')).toMatchObject({ status: 308, headers: { location: '/docs/?x=1' } })
  expect(await s.get('/a%20b/%C3%BC.svg')).toMatchObject({
    headers: { 'content-type': 'image/svg+xml; charset=utf-8' },
  })
  expect((await s.get('/app.js')).headers['content-type']).toBe('text/javascript; charset=utf-8')
  expect((await s.get('/font.woff2')).headers['content-type']).toBe('font/woff2')
  expect((await s.get('/data.unknown-type')).headers['content-type']).toBe('application/octet-stream')
  expect(await s.get('/.well-known/security.txt')).toMatchObject({ status: 200, body: 'contact' })
  expect(await s.get('/missing')).toMatchObject({ status: 404 })
  expect(await s.get('/about', {}, 'HEAD')).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } })
  expect(await s.get('/about', {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
})

test('nothing outside of the folder and nothing hidden is served', async () => {
  await using s = await site({ 'index.html': 'home', '.env': 'SECRET=1', '.git/config': 'x', 'sub/.hidden/a.txt': 'x' })
  writeFileSync(join(s.parent, 'secret.txt'), 'secret')
  symlinkSync(join(s.parent, 'secret.txt'), join(s.folder, 'escape.txt'))
  symlinkSync(s.parent, join(s.folder, 'up'))
  symlinkSync('.env', join(s.folder, 'visible.txt'))
  symlinkSync('index.html', join(s.folder, 'inside.html'))
  symlinkSync('loop', join(s.folder, 'loop'))
  expect((await s.get('/inside.html')).body).toBe('home')
  const refused = [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/x/../../secret.txt',
    '/..\\secret.txt',
    '/..%5csecret.txt',
    '/escape.txt',
    '/up/secret.txt',
    '/visible.txt',
    '/.env',
    '/%2eenv',
    '/.git/config',
    '/sub/.hidden/a.txt',
    '/index.html%00.txt',
    '/%ff',
    '/loop',
    `/${'a'.repeat(300)}`,
  ]
  for (const path of refused) {
    const text = await raw(s.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(text, path).toMatch(/^HTTP\/1.1 40[04]/)
    expect(text).not.toMatch(/secret\n|SECRET/)
  }
})

test('a redirect never leads to another host', async () => {
  await using s = await site({ 'evil.example/index.html': 'x' })
  expect(await s.get('//evil.example')).toMatchObject({ status: 308, headers: { location: '/evil.example/' } })
})

test('a tag follows the content, not the times and sizes', async () => {
  await using s = await site({ 'index.html': 'one', 'other.html': 'one' })
  const first = await s.get('/')
  const etag = first.headers.etag!
  expect((await s.get('/other')).headers.etag).toBe(etag)
  expect(await s.get('/', { 'if-none-match': `"x", W/${etag}` })).toMatchObject({
    status: 304,
    body: '',
    headers: { etag },
  })
  s.write('index.html', 'two')
  const second = await s.get('/', { 'if-none-match': etag })
  expect(second).toMatchObject({ status: 200, body: 'two' })
  expect(second.headers.etag).not.toBe(etag)
})

test.each([
  ['bytes=2-4', 206, 'cde', 'bytes 2-4/10'],
  ['bytes=7-', 206, 'hij', 'bytes 7-9/10'],
  ['bytes=-2', 206, 'ij', 'bytes 8-9/10'],
  ['bytes=0-99', 206, 'abcdefghij', 'bytes 0-9/10'],
  ['bytes=-99', 206, 'abcdefghij', 'bytes 0-9/10'],
  ['bytes=4-2', 200, 'abcdefghij', undefined],
  ['bytes=0-1,3-4', 200, 'abcdefghij', undefined],
  ['lines=1-2', 200, 'abcdefghij', undefined],
  ['bytes=10-', 416, 'The file does not reach that far.\n', 'bytes */10'],
  ['bytes=-0', 416, 'The file does not reach that far.\n', 'bytes */10'],
])('the range %s is answered with %i', async (range, status, body, contentRange) => {
  await using s = await site({ 'a.txt': 'abcdefghij' })
  const answer = await s.get('/a.txt', { range })
  expect(answer).toMatchObject({ status, body })
  expect(answer.headers['content-range']).toBe(contentRange)
})

test('a range of another content is answered with the whole file', async () => {
  await using s = await site({ 'a.txt': 'abcdefghij' })
  const { etag } = (await s.get('/a.txt')).headers
  expect((await s.get('/a.txt', { range: 'bytes=0-1', 'if-range': etag! })).status).toBe(206)
  expect((await s.get('/a.txt', { range: 'bytes=0-1', 'if-range': '"old"' })).status).toBe(200)
})

test('a missing page is the own 404.html, and a single page only where it was asked for', async () => {
  await using plain = await site({ 'index.html': 'home', '404.html': 'lost' })
  expect(await plain.get('/x', { accept: 'text/html' })).toMatchObject({ status: 404, body: 'lost' })
  await using single = await site({ 'index.html': 'home', '200.html': 'shell' })
  expect(await single.get('/x/y', { accept: 'text/html' })).toMatchObject({ status: 200, body: 'shell' })
  expect(await single.get('/x/y.js', { accept: '*/*' })).toMatchObject({ status: 404 })
  await using asked = await site({ 'index.html': 'home' }, { isSinglePage: true })
  expect(await asked.get('/x/y', { accept: 'text/html' })).toMatchObject({ status: 200, body: 'home' })
})

test('large and empty files come whole', async () => {
  const large = randomBytes(5_000_000)
  await using s = await site({ 'large.bin': large.toString('hex'), 'empty.txt': '' })
  const { body, headers } = await s.get('/large.bin')
  expect(headers['content-length']).toBe('10000000')
  expect(createHash('sha256').update(body).digest('hex')).toBe(
    createHash('sha256').update(large.toString('hex')).digest('hex'),
  )
  expect(await s.get('/empty.txt')).toMatchObject({ status: 200, body: '', headers: { 'content-length': '0' } })
})
