import { accessTokens } from '@juanie/services/auth/tables'
import { pushes } from '@juanie/services/repositories/tables'
import { eq, sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { join as joinOrganization, organization, person } from '../testing/people.ts'
import { must, openShop, runGit, type Shop, workflow } from '../testing/shop.ts'

const runsOf = async (shop: Shop) => (await shop.query('runs.list')).data.rows as Record<string, unknown>[]

test('a push starts a run of its commit, and the pusher reads which one and where to watch it', async () => {
  await using shop = await openShop()
  const commit = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() }, 'Begin')
  const pushed = await must(shop.clone.git('push', 'origin', 'main'))
  expect(pushed.stderr).toContain('remote: Juanie: run #1 of CI started, watch it at')
  expect(pushed.stderr).toContain(`remote:   ${shop.t.url}/acme/shop/runs/1`)
  expect(await runsOf(shop)).toMatchObject([
    { number: 1, status: 'queued', commit, branch: 'main', title: 'Begin', event: 'push', actor: 'ada' },
  ])
  const view = (await shop.query('runs.view', { run: 1 })).data
  expect(view.jobs).toMatchObject([{ key: 'test', status: 'queued', steps: [{ name: 'Run echo hello' }] }])
  expect(view.waitsFor).toBe('test: No agent has connected yet: start one with `juanie agent`.')
})

test('the first branch pushed becomes the default one, and a clone gets it', async () => {
  await using shop = await openShop()
  await shop.clone.commit({ 'a.txt': 'a' })
  await must(shop.clone.git('push', 'origin', 'main:trunk'))
  expect((await shop.query('repositories.view')).data).toMatchObject({ defaultBranch: 'trunk' })
  await must(runGit(shop.folder, ['clone', '-q', shop.urlFor(shop.owner.token), 'again']))
  const head = await must(runGit(join(shop, 'again'), ['symbolic-ref', 'HEAD']))
  expect(head.stdout.trim()).toBe('refs/heads/trunk')
})

test('a template makes a first commit that starts no run', async () => {
  await using shop = await openShop()
  const made = await shop.mutate('projects.create', {
    organizationId: shop.organizationId,
    slug: 'site',
    template: 'static',
  })
  expect(made.message).toBeNull()
  await must(runGit(shop.folder, ['clone', '-q', shop.urlFor(shop.owner.token, 'acme/site'), 'site']))
  const log = await must(runGit(join(shop, 'site'), ['log', '--format=%an %s']))
  expect(log.stdout.trim()).toBe('Juanie Begin from a template')
  const runs = await shop.query('runs.list', { projectId: made.data.id })
  expect(runs.data.rows).toEqual([])
  const repository = await shop.query('repositories.view', { projectId: made.data.id })
  expect(repository.data).toMatchObject({ defaultBranch: 'main' })
})

test('who may not push learns why, and what is foreign looks as if it did not exist', async () => {
  await using shop = await openShop()
  await shop.clone.commit({ 'a.txt': 'a' })
  const push = (url: string) => shop.clone.git('push', url, 'main')
  const nobody = await push(`${shop.t.url}/git/acme/shop.git`)
  expect(nobody.code).not.toBe(0)

  const wrong = await push(shop.urlFor('jua_wrong'))
  expect(wrong.stderr).toMatch(/wrong, expired or revoked/)
  expect(wrong.stderr).toMatch(/Authentication failed/)

  const viewer = await person(shop.t, 'vic')
  await joinOrganization(shop.t, shop.organizationId, viewer.id, 'viewer')
  const refused = await push(shop.urlFor(viewer.token))
  expect(refused.stderr).toContain('You are a viewer here')
  expect((await must(runGit(shop.folder, ['ls-remote', shop.urlFor(viewer.token)]))).stdout).toBe('')

  const stranger = await person(shop.t, 'mallory')
  await organization(shop.t, 'evil', stranger)
  const foreign = await push(shop.urlFor(stranger.token))
  const missing = await push(shop.urlFor(stranger.token, 'acme/nothing'))
  const words = (text: string) => text.replaceAll(/nothing|shop/g, 'X')
  expect(foreign.stderr).toContain('not found')
  expect(words(foreign.stderr)).toBe(words(missing.stderr))

  await shop.t.db.db
    .update(accessTokens)
    .set({ expiresAt: sql`now() - interval '1 second'` })
    .where(eq(accessTokens.id, viewer.tokenId))
  expect((await push(shop.urlFor(viewer.token))).stderr).toMatch(/wrong, expired or revoked/)
  await shop.t.db.db.update(accessTokens).set({ revokedAt: sql`now()` }).where(eq(accessTokens.id, shop.owner.tokenId))
  expect((await push(shop.urlFor(shop.owner.token))).stderr).toMatch(/wrong, expired or revoked/)
})

test('a push over the size limit is refused with the limit and moves nothing', async () => {
  await using shop = await openShop({ JUANIE_GIT_MAX_PUSH_BYTES: String(256 * 1024) })
  for (let part = 0; part < 8; part++) {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64')
    await shop.clone.commit({ [`big-${part}.txt`]: noise })
  }
  const pushed = await shop.clone.git('push', 'origin', 'main')
  expect(pushed.code).not.toBe(0)
  expect(pushed.stderr).toContain('remote: Juanie: the push is larger than the limit of 256 KiB.')
  expect(pushed.stderr).toContain('JUANIE_GIT_MAX_PUSH_BYTES')
  expect(await shop.t.db.db.select({ status: pushes.status }).from(pushes)).toEqual([{ status: 'refused' }])
  expect((await must(shop.clone.git('ls-remote', 'origin'))).stdout).toBe('')
})

test('two quick pushes make two runs, each of its own commit', async () => {
  await using shop = await openShop()
  const first = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await must(shop.clone.git('push', 'origin', 'main'))
  const second = await shop.clone.commit({ 'a.txt': 'a' })
  await must(shop.clone.git('push', 'origin', 'main'))
  expect(await runsOf(shop)).toMatchObject([
    { number: 2, commit: second },
    { number: 1, commit: first },
  ])
})

test('pushes to several branches at once each get their run', async () => {
  await using shop = await openShop()
  await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  const refs = Array.from({ length: 6 }, (_, index) => `branch-${index}`)
  const pushed = await Promise.all(refs.map((ref) => shop.clone.git('push', 'origin', `main:refs/heads/${ref}`)))
  expect(pushed.map(({ code }) => code)).toEqual(refs.map(() => 0))
  const runs = await runsOf(shop)
  expect(runs.map(({ branch }) => branch).sort()).toEqual(refs)
  expect(runs.map(({ number }) => number)).toEqual([6, 5, 4, 3, 2, 1])
})

test('a forced push runs the new head, and the old run stays readable and can be rerun', async () => {
  await using shop = await openShop()
  const old = await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  await must(shop.clone.git('push', 'origin', 'main'))
  await must(shop.clone.git('commit', '-q', '--amend', '-m', 'Other'))
  const head = (await must(shop.clone.git('rev-parse', 'HEAD'))).stdout.trim()
  await must(shop.clone.git('push', '--force', 'origin', 'main'))
  expect(await runsOf(shop)).toMatchObject([
    { number: 2, commit: head },
    { number: 1, commit: old },
  ])
  expect((await shop.query('runs.view', { run: 1 })).data.commit).toBe(old)
  await shop.mutate('runs.cancel', { run: 1 })
  expect((await shop.mutate('runs.rerun', { run: 1 })).data).toMatchObject({
    attempt: 2,
    status: 'queued',
    commit: old,
  })
})

test('a tag runs only what lists tags, and a deleted branch starts nothing', async () => {
  await using shop = await openShop()
  await shop.clone.commit({
    '.juanie/workflows/ci.yml': workflow('{push: {branches: ["**"]}}'),
    '.juanie/workflows/release.yml': workflow('{push: {tags: ["v*"]}}').replace('CI', 'Release'),
  })
  await must(shop.clone.git('push', 'origin', 'main', 'main:side'))
  expect(await runsOf(shop)).toHaveLength(2)
  await must(shop.clone.git('tag', '-a', 'v1', '-m', 'One'))
  await must(shop.clone.git('push', 'origin', 'v1'))
  const [tagged] = await runsOf(shop)
  expect(tagged).toMatchObject({ number: 3, ref: 'refs/tags/v1', workflow: { name: 'Release' } })
  expect(tagged!.commit).toBe((await must(shop.clone.git('rev-parse', 'main'))).stdout.trim())
  const deleted = await must(shop.clone.git('push', 'origin', ':side'))
  expect(deleted.stderr).toContain('[deleted]')
  expect(await runsOf(shop)).toHaveLength(3)
})

test('a repository without a workflow gets the default one for its default branch', async () => {
  await using shop = await openShop()
  await shop.clone.commit({ 'index.html': '<h1>Hello</h1>' })
  await must(shop.clone.git('push', 'origin', 'main', 'main:side'))
  const runs = await runsOf(shop)
  expect(runs).toMatchObject([{ branch: 'main', workflow: { origin: 'default', name: 'Default' } }])
  expect((await shop.query('runs.view', { run: 1 })).data.workflowText).toContain('juanie/release@v1')
})

test('an invalid workflow makes an invalid run at once, and the pusher reads file and line', async () => {
  await using shop = await openShop()
  await shop.clone.commit({ '.juanie/workflows/ci.yml': `${workflow()}    container: node\n` })
  const pushed = await must(shop.clone.git('push', 'origin', 'main'))
  expect(pushed.stderr).toMatch(/remote: Juanie: run #1 is invalid: \.juanie\/workflows\/ci\.yml:8:5: /)
  expect(await runsOf(shop)).toMatchObject([{ status: 'invalid', reason: 'workflow.needs_docker' }])
})

test('workflows with paths run only when those change', async () => {
  await using shop = await openShop()
  await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow('{push: {paths: ["src/**"]}}'), 'src/a': '1' })
  await must(shop.clone.git('push', 'origin', 'main'))
  await shop.clone.commit({ 'docs/a': '1' })
  const quiet = await must(shop.clone.git('push', 'origin', 'main'))
  expect(quiet.stderr).toContain('no workflow runs on this push')
  await shop.clone.commit({ 'src/a': '2' })
  await must(shop.clone.git('push', 'origin', 'main'))
  expect(await runsOf(shop)).toHaveLength(2)
})

test('names with shell characters are only names, and refs that are kept or look like options are refused', async () => {
  await using shop = await openShop()
  await shop.clone.commit({ '.juanie/workflows/ci.yml': workflow() })
  const odd = '$(touch${IFS}pwned);&`x`'
  await must(shop.clone.git('push', 'origin', `main:refs/heads/${odd}`))
  expect(await runsOf(shop)).toMatchObject([{ branch: odd, status: 'queued' }])
  const kept = await shop.clone.git('push', 'origin', 'main:refs/juanie/runs/x')
  expect(kept.stderr).toMatch(/remote rejected.*kept for Juanie/)
  const option = await shop.clone.git('push', 'origin', 'main:refs/heads/--upload-pack=x')
  expect(option.stderr).toMatch(/remote rejected.*begins with a dash/)
  expect((await must(shop.clone.git('ls-remote', 'origin'))).stdout).not.toContain('juanie')
})

test('a large push comes in chunks and a clone brings it back', async () => {
  await using shop = await openShop()
  const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536))).toString('base64')
  const files = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`f/${index}`, `${index}${noise.slice(index)}${Math.random()}`.repeat(2)]),
  )
  const commit = await shop.clone.commit(files)
  await must(shop.clone.git('push', 'origin', 'main'))
  await must(runGit(shop.folder, ['clone', '-q', '--depth', '1', shop.urlFor(shop.owner.token), 'again']))
  expect((await must(runGit(join(shop, 'again'), ['rev-parse', 'HEAD']))).stdout.trim()).toBe(commit)
})

test('only the smart protocol is spoken, and only over known services', async () => {
  await using shop = await openShop()
  const headers = { authorization: `Basic ${Buffer.from(`x:${shop.owner.token}`).toString('base64')}` }
  const ask = async (path: string) => (await fetch(`${shop.t.url}/git/acme/shop.git/${path}`, { headers })).status
  expect(await ask('info/refs')).toBe(400)
  expect(await ask('info/refs?service=git-upload-archive')).toBe(400)
  expect(await ask('HEAD')).toBe(404)
  expect(await ask('info/refs?service=git-upload-pack')).toBe(200)
  const bad = await fetch(`${shop.t.url}/git/acme/shop/git-receive-pack`, { method: 'POST', headers, body: 'nonsense' })
  expect([bad.status, await bad.text()]).toEqual([400, expect.stringContaining('not git speaking')])
})

function join(shop: Shop, name: string): string {
  return `${shop.folder}/${name}`
}
