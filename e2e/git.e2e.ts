import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Juanie } from './lib/juanie.ts'
import { Project } from './lib/project.ts'

let juanie: Juanie
let shop: Project

beforeAll(async () => {
  juanie = await Juanie.start({ JUANIE_GIT_MAX_PUSH_BYTES: '3000000' })
  await juanie.login()
  shop = await Project.create(juanie, 'shop', 'empty')
})
afterAll(() => juanie[Symbol.asyncDispose]())

const echo = (on: string, script = 'echo ran') =>
  `on:\n${on.replace(/^/gm, '  ')}\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: |\n${script.replace(/^/gm, '          ')}\n`

test('a push without a token, with a wrong, a revoked or to a foreign project is refused', async () => {
  await shop.commit('first', {
    '.juanie/workflows/ci.yml': echo(
      'push:\n  branches: [main]',
      'cat "$GITHUB_EVENT_PATH" | head -c 20\ngit rev-parse HEAD',
    ),
  })
  const attempt = (remote: string) => shop.gitAt(shop.folder, 'push', remote, 'HEAD:main')
  expect((await attempt(shop.cloneUrl)).code).not.toBe(0)
  expect((await attempt(shop.remote('jua_wrong'))).stderr).toMatch(/Authentication failed|401/)
  const { id, token } = await juanie.json<{ id: string; token: string }>(['token', 'create', 'short'])
  await juanie.juanie(['token', 'revoke', id])
  expect((await attempt(shop.remote(token))).code).not.toBe(0)
  expect((await attempt(shop.remote().replace('/shop.git', '/none.git'))).stderr).toMatch(/not found/i)
  expect(await shop.runs()).toEqual([])
})

test('the pusher reads which run started and where to watch it, and the first branch becomes the default', async () => {
  const told = await shop.push()
  expect(told).toMatch(/remote: .*run #1/)
  expect(told).toContain(`${juanie.url}/main/shop/runs/1`)
  const commit = await shop.git('rev-parse', 'HEAD')
  expect(await shop.runOf(commit)).toMatchObject({
    number: 1,
    status: 'succeeded',
    event: 'push',
    branch: 'main',
    commit,
  })
  expect(await shop.json(['repo', 'view'])).toMatchObject({ defaultBranch: 'main' })
  expect((await shop.run(['logs', '1'])).stdout).toContain(commit)
})

test('two quick pushes make two runs, each of its own commit', async () => {
  const first = await shop.commit('second')
  await shop.push()
  const second = await shop.commit('third')
  await shop.push()
  for (const commit of [first, second]) {
    const run = await shop.runOf(commit)
    expect(run.status).toBe('succeeded')
    expect((await shop.run(['logs', String(run.number)])).stdout).toContain(commit)
  }
})

test('a forced push runs the new head; the old run stays readable and can be rerun', async () => {
  const old = await shop.git('rev-parse', 'HEAD')
  const oldRun = await shop.runOf(old)
  await shop.git('reset', '-q', '--hard', 'HEAD~1')
  const commit = await shop.commit('instead')
  await shop.push('--force', 'origin', 'HEAD:main')
  expect(await shop.runOf(commit)).toMatchObject({ status: 'succeeded' })
  // Nothing that a kept run names is lost.
  const rerun = await shop.run(['run', 'rerun', String(oldRun.number), '--watch'])
  expect(rerun.code, rerun.stderr).toBe(0)
  expect((await shop.run(['logs', String(oldRun.number)])).stdout).toContain(old)
})

test('a tag runs only what lists tags, and a deleted branch starts nothing', async () => {
  await shop.commit('tags', { '.juanie/workflows/tag.yml': echo("push:\n  tags: ['v*']") })
  await shop.push()
  const commit = await shop.git('rev-parse', 'HEAD')
  await shop.runOf(commit)
  const before = (await shop.runs()).length
  await shop.git('tag', 'v1.0')
  expect(await shop.push('origin', 'v1.0')).toMatch(/tag\.yml/)
  const runs = await shop.runs()
  expect(runs).toHaveLength(before + 1)
  expect(runs[0]).toMatchObject({ branch: 'v1.0' })
  await shop.push('origin', 'HEAD:refs/heads/feature')
  await shop.push('origin', ':refs/heads/feature')
  expect(await shop.runs()).toHaveLength(before + 1)
})

test('a push over the limit is refused in words, and nothing of it stays', async () => {
  const before = await shop.git('rev-parse', 'HEAD')
  writeFileSync(join(shop.folder, 'big.bin'), randomBytes(4_000_000))
  await shop.commit('too big')
  const refused = await shop.gitAt(shop.folder, 'push', 'origin', 'HEAD:main')
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toMatch(/exceeds maximum|larger than|too large|limit/i)
  expect(await shop.git('ls-remote', 'origin', 'refs/heads/main')).toContain(before)
  await shop.git('reset', '-q', '--hard', before)
})

test('branch names with shell and option characters run, or are refused by git itself, and execute nothing', async () => {
  const commit = await shop.commit('names', { '.juanie/workflows/ci.yml': echo('push:', 'echo "on $GITHUB_REF_NAME"') })
  const names = ['feature/$(touch${IFS}pwned)', "it's-fine;id", '-x', '--upload-pack=touch', 'a&&b', 'ümläut/汉字']
  for (const name of names) await shop.gitAt(shop.folder, 'push', '-q', 'origin', `HEAD:refs/heads/${name}`)
  const runs = await shop.runs()
  const pushed = names.filter((name) => runs.some((run) => run.branch === name && run.commit === commit))
  expect(pushed).toEqual(expect.arrayContaining(['feature/$(touch${IFS}pwned)', "it's-fine;id", 'a&&b', 'ümläut/汉字']))
  for (const run of runs.filter(({ branch }) => pushed.includes(branch))) {
    expect((await shop.run(['run', 'watch', String(run.number)])).code, run.branch).toBe(0)
    expect((await shop.run(['logs', String(run.number)])).stdout).toContain(`on ${run.branch}`)
  }
}, 120_000)

test('a repository without a workflow gets one by detection, shown by run view and written out by init', async () => {
  const site = await Project.create(juanie, 'site', 'static')
  await site.json(['env', 'edit', 'dev', '--soak', '300ms', '--drain', '500ms'])
  await site.commit('page', { 'index.html': '<h1>Hello</h1>' })
  await site.push()
  expect(await site.runOf(await site.git('rev-parse', 'HEAD'))).toMatchObject({ status: 'succeeded' })
  const view = await site.json<{ workflow: { origin: string }; workflowText: string }>(['run', 'view', '1'])
  expect(view.workflow.origin).toBe('default')
  expect(view.workflowText).toContain('juanie/release')
  expect((await juanie.juanie(['init'], { cwd: site.folder })).code).toBe(0)
  expect(await site.git('status', '--short')).toContain('.juanie/')
  expect((await juanie.juanie(['init'], { cwd: site.folder })).stderr).toContain('already')
  const { url } = (await site.ended(0)) as { url: string }
  expect(url).toContain('site-dev.localhost')
}, 120_000)

test('a clone holds what was pushed', async () => {
  await shop.gitAt(juanie.home, 'clone', '-q', shop.remote(), join(juanie.home, 'second-clone'))
  expect((await shop.gitAt(join(juanie.home, 'second-clone'), 'log', '--oneline')).stdout).toContain('tags')
})
