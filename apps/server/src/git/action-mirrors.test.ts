import { execFileSync, spawn } from 'node:child_process'
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { unpackBundle } from '@juanie/core/bundle'
import { Mirrors } from '@juanie/core/git/mirrors'
import { OutsideAddresses } from '@juanie/core/outside-address'
import { afterEach, expect, test } from 'vitest'
import { LocalActionMirrors } from './action-mirrors.ts'
import { LocalGitStore } from './git-store.ts'

const folders: string[] = []
const open: LocalActionMirrors[] = []
afterEach(() => {
  for (const mirrors of open.splice(0)) mirrors.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], {
    encoding: 'utf8',
  }).trim()

/** A home with mirrors, and a folder of repositories that they come from. */
function place(options: { sources?: string[]; allowed?: string[] } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'juanie-mirrors-'))
  folders.push(root)
  const source = join(root, 'source')
  const mirrorsOf = () => {
    const store = new LocalGitStore(join(root, 'repositories'))
    const addresses = new OutsideAddresses(options.allowed ?? [])
    const sources = options.sources ?? [`file://${source}`]
    const own = new Mirrors({ folder: join(root, 'actions'), sources, addresses })
    const mirrors = new LocalActionMirrors({ mirrors: own, store })
    open.push(mirrors)
    return mirrors
  }
  mkdirSync(join(root, 'actions'))
  const repository = (name: string, files: Record<string, string>) => {
    const folder = join(source, name)
    mkdirSync(folder, { recursive: true })
    git(folder, 'init', '-q', '-b', 'main')
    return { folder, commit: commitOf(folder, files) }
  }
  return { root, source, mirrorsOf, repository }
}

function commitOf(folder: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  git(folder, 'add', '-A')
  git(folder, 'commit', '-q', '-m', 'x')
  return git(folder, 'rev-parse', 'HEAD')
}

test('tags, branches and commits are resolved, and an annotated tag to its commit', async () => {
  const { mirrorsOf, repository } = place()
  const { folder, commit: first } = repository('a/b', { 'action.yml': 'one', 'sub/action.yml': 'two' })
  git(folder, 'tag', '-a', 'v1', '-m', 'x')
  const second = commitOf(folder, { 'action.yml': 'three' })
  const mirrors = mirrorsOf()
  expect(await mirrors.resolve({ owner: 'a', name: 'b', ref: 'v1' })).toEqual({ commit: first, notice: null })
  expect(await mirrors.resolve({ owner: 'A', name: 'B', ref: 'main' })).toBeNull()
  expect(await mirrors.resolve({ owner: 'a', name: 'b', ref: 'main' })).toEqual({ commit: second, notice: null })
  expect(await mirrors.resolve({ owner: 'a', name: 'b', ref: first.toUpperCase() })).toMatchObject({ commit: first })
  expect(await mirrors.resolve({ owner: 'a', name: 'b', ref: 'v2' })).toBeNull()
  const at = { kind: 'mirror', owner: 'a', name: 'b' } as const
  expect(await mirrors.read(at, { commit: first, path: 'sub/action.yml' }, 100)).toBe('two')
  expect(await mirrors.read(at, { commit: second, path: 'action.yml' }, 100)).toBe('three')
  expect(await mirrors.read(at, { commit: second, path: '../action.yml' }, 100)).toBeNull()
  expect(await mirrors.read(at, { commit: second, path: 'sub' }, 100)).toBeNull()
})

test('what was fetched once holds without its source, with a notice', async () => {
  const { root, source, mirrorsOf, repository } = place({})
  const { folder, commit } = repository('a/b', { 'action.yml': 'one' })
  git(folder, 'tag', 'v1')
  await mirrorsOf().resolve({ owner: 'a', name: 'b', ref: 'v1' })
  renameSync(join(source, 'a/b/.git'), join(root, 'gone'))
  const later = mirrorsOf()
  const found = await later.resolve({ owner: 'a', name: 'b', ref: 'v1' })
  expect(found).toMatchObject({ commit, notice: expect.stringContaining('could not be looked up now') })
  expect(await later.resolve({ owner: 'a', name: 'b', ref: commit })).toEqual({ commit, notice: null })
  await expect(later.resolve({ owner: 'a', name: 'b', ref: 'v2' })).rejects.toMatchObject({ code: 'unavailable' })
})

test('a tag that moved is not asked for again within minutes, and a rerun reads the old commit', async () => {
  const { mirrorsOf, repository } = place()
  const { folder, commit } = repository('a/b', { x: '1' })
  git(folder, 'tag', 'v1')
  const mirrors = mirrorsOf()
  await mirrors.resolve({ owner: 'a', name: 'b', ref: 'v1' })
  const moved = commitOf(folder, { x: '2' })
  git(folder, 'tag', '-f', 'v1')
  expect(await mirrors.resolve({ owner: 'a', name: 'b', ref: 'v1' })).toMatchObject({ commit })
  const after = mirrorsOf()
  expect(await after.resolve({ owner: 'a', name: 'b', ref: 'v1' })).toMatchObject({ commit: moved })
  expect(await after.read({ kind: 'mirror', owner: 'a', name: 'b' }, { commit, path: 'x' }, 9)).toBe('1')
})

test('sources are looked at in their order', async () => {
  const { root, mirrorsOf } = place({})
  expect(mirrorsOf).toBeDefined()
  for (const [name, text] of [
    ['one/a/c', 'first'],
    ['two/a/c', 'second'],
    ['two/a/d', 'only'],
  ] as const) {
    mkdirSync(join(root, name), { recursive: true })
    git(join(root, name), 'init', '-q', '-b', 'main')
    commitOf(join(root, name), { x: text })
  }
  const store = new LocalGitStore(join(root, 'repositories'))
  const sources = [`file://${root}/one`, `file://${root}/two`]
  const own = new Mirrors({ folder: join(root, 'actions'), sources, addresses: new OutsideAddresses([]) })
  const mirrors = new LocalActionMirrors({ mirrors: own, store })
  open.push(mirrors)
  for (const [name, text] of [
    ['c', 'first'],
    ['d', 'only'],
  ] as const) {
    const { commit } = (await mirrors.resolve({ owner: 'a', name, ref: 'main' }))!
    expect(await mirrors.read({ kind: 'mirror', owner: 'a', name }, { commit, path: 'x' }, 99)).toBe(text)
  }
})

test.each(['--upload-pack=touch /tmp/x', '-x', 'v1..v2', 'v1^{tree}', 'refs/../x', 'a b', 'x\n'])(
  'the reference %j never reaches git',
  async (ref) => {
    const { mirrorsOf, repository } = place()
    repository('a/b', { x: '1' })
    expect(await mirrorsOf().resolve({ owner: 'a', name: 'b', ref })).toBeNull()
  },
)

test.each([
  ['..', 'b'],
  ['a', '..'],
  ['-a', 'b'],
  ['a/b', 'c'],
])('a repository named %s/%s is none', async (owner, name) => {
  const { mirrorsOf } = place()
  await expect(mirrorsOf().resolve({ owner, name, ref: 'v1' })).rejects.toThrow('named by owner and name')
})

test('a commit becomes a bundle that unpacks to its files, without submodules', async () => {
  const { root, mirrorsOf, repository } = place()
  const { folder } = repository('a/b', { 'a.txt': '1', 'a-b/x': '2', 'a/x': '3', 'a/deep/run.sh': '#!/bin/sh\n' })
  git(folder, 'update-index', '--chmod=+x', 'a/deep/run.sh')
  symlinkSync('../a.txt', join(folder, 'a/link'))
  git(folder, 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},module`)
  git(folder, 'add', 'a/link')
  git(folder, 'commit', '-qm', 'y')
  const commit = git(folder, 'rev-parse', 'HEAD')
  const mirrors = mirrorsOf()
  await mirrors.resolve({ owner: 'a', name: 'b', ref: 'main' })
  const { bytes, content } = await mirrors.bundle({ kind: 'mirror', owner: 'a', name: 'b' }, commit)
  const file = join(root, 'bundle.tar')
  await pipeline(content, createWriteStream(file))
  expect(readFileSync(file).length).toBe(bytes)
  await unpackBundle(file, join(root, 'out'))
  const out = join(root, 'out')
  expect(readFileSync(join(out, 'a/link'), 'utf8')).toBe('1')
  expect(
    execFileSync('find', ['.', '-type', 'f', '-printf', '%P %m\n'], { cwd: out, encoding: 'utf8' })
      .trim()
      .split('\n')
      .sort(),
  ).toEqual(['a-b/x 644', 'a.txt 644', 'a/deep/run.sh 755', 'a/x 644'])
})

test.each(['/etc/passwd', '../../x', 'a/../../x'])('a link to %s is refused by name', async (target) => {
  const { mirrorsOf, repository } = place()
  const { folder } = repository('a/b', { x: '1' })
  symlinkSync(target, join(folder, 'evil'))
  const commit = commitOf(folder, {})
  const mirrors = mirrorsOf()
  await mirrors.resolve({ owner: 'a', name: 'b', ref: 'main' })
  await expect(mirrors.bundle({ kind: 'mirror', owner: 'a', name: 'b' }, commit)).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('"evil" leads out'),
  })
})

test('a private address is called only where its network is allowed, also behind a redirect', async () => {
  const { source, repository } = place()
  const { folder, commit } = repository('a/b', { 'action.yml': 'x' })
  git(folder, 'update-server-info')
  const server = http.createServer((request, response) => {
    const path = new URL(request.url!, 'http://x').pathname
    if (path.startsWith('/old/b')) {
      response.writeHead(301, { location: request.url!.replace('/old/b', '/a/b') }).end()
      return
    }
    if (path.startsWith('/away/b')) {
      response.writeHead(302, { location: `http://169.254.169.254${path}?service=git-upload-pack` }).end()
      return
    }
    const backend = execBackend(source, request, response)
    request.pipe(backend)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const closed = place({ sources: [base] })
    await expect(closed.mirrorsOf().resolve({ owner: 'a', name: 'b', ref: 'main' })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('JUANIE_ALLOW_PRIVATE_ADDRESSES'),
    })
    const allowed = place({ sources: [base], allowed: ['127.0.0.0/8'] }).mirrorsOf()
    expect(await allowed.resolve({ owner: 'a', name: 'b', ref: 'main' })).toEqual({ commit, notice: null })
    expect(await allowed.resolve({ owner: 'old', name: 'b', ref: 'main' })).toEqual({ commit, notice: null })
    await expect(allowed.resolve({ owner: 'away', name: 'b', ref: 'main' })).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('169.254.169.254'),
    })
    expect(await allowed.resolve({ owner: 'a', name: 'none', ref: 'main' })).toBeNull()
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  expect(existsSync(source)).toBe(true)
})

/** Git's own CGI program answers, as a real forge does. */
function execBackend(root: string, request: http.IncomingMessage, response: http.ServerResponse) {
  const url = new URL(request.url!, 'http://x')

  const child = spawn('git', ['-c', 'uploadpack.allowAnySHA1InWant=true', 'http-backend'], {
    env: {
      PATH: process.env.PATH!,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method!,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      GIT_PROTOCOL: (request.headers['git-protocol'] as string) ?? '',
      HTTP_CONTENT_ENCODING: (request.headers['content-encoding'] as string) ?? '',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'uploadpack.allowAnySHA1InWant',
      GIT_CONFIG_VALUE_0: 'true',
    },
  })
  let head = Buffer.alloc(0)
  let isBody = false
  child.stdout.on('data', (chunk: Buffer) => {
    if (isBody) {
      response.write(chunk)
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    isBody = true
    const headers = head
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map((line) => line.split(': ') as [string, string])
    const status = headers.find(([name]) => name === 'Status')?.[1]
    response.writeHead(
      status ? Number(status.slice(0, 3)) : 200,
      Object.fromEntries(headers.filter(([name]) => name !== 'Status')),
    )
    response.write(head.subarray(end + 4))
  })
  child.once('close', () => response.end())
  return child.stdin
}
