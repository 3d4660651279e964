import { createHmac } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RemoteMoves } from '@juanie/services/connections'
import { connections } from '@juanie/services/connections/tables'
import { pushes } from '@juanie/services/repositories/tables'
import { deliveries } from '@juanie/services/webhooks/tables'
import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { LocalGitStore } from '../git/git-store.ts'
import { call } from '../testing/people.ts'
import { must, openShop, runGit, type Shop, workflow } from '../testing/shop.ts'

const local = { JUANIE_ALLOW_PRIVATE_ADDRESSES: '127.0.0.0/8' }
const file = '.github/workflows/ci.yml'
const none = '0'.repeat(40)

/** A shop whose project is connected to another repository, which stands for a forge: it is reached by HTTP alone. */
interface Connected extends Shop {
  connectionId: string
  secret: string
  remoteUrl: string
  /** Commits to the repository elsewhere and pushes there. */
  change(message: string): Promise<string>
}

async function connected(provider = 'github', env: Record<string, string> = {}): Promise<Connected> {
  const shop = await openShop({ ...local, ...env })
  const { owner, organizationId, t, clone } = shop
  await call(t, owner.token, {
    path: 'projects.create',
    type: 'mutation',
    input: { organizationId, slug: 'far', template: 'empty' },
  })
  const remoteUrl = `${t.url}/git/acme/far`
  await must(clone.git('remote', 'add', 'far', shop.urlFor(owner.token, 'acme/far')))
  const change = async (message: string) => {
    const commit = await clone.commit({ [file]: workflow(), 'a.txt': message }, message)
    await must(clone.git('push', '-q', 'far', 'HEAD:main'))
    return commit
  }
  await change('Before Juanie came')
  const { data } = await shop.mutate('connections.connect', {
    url: remoteUrl,
    provider,
    credential: { kind: 'token', token: owner.token },
  })
  const connectionId = data.connection.id
  await t.app.get(RemoteMoves).look(connectionId)
  return Object.assign(shop, { connectionId, secret: data.webhookSecret, remoteUrl, change })
}

const runsOf = async (shop: Shop): Promise<{ number: number; commit: string }[]> =>
  (await shop.query('runs.list', { limit: 100 })).data.rows

const inbox = async (shop: Shop) => (await shop.query('deliveries.list')).data.rows

let counted = 0

async function send(
  shop: Connected,
  told: { before: string; after: string; ref?: string },
  options: { id?: string; headers?: Record<string, string>; place?: string; event?: string } = {},
): Promise<number> {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    ...told,
    repository: { full_name: 'acme/far', clone_url: `${shop.remoteUrl}.git` },
  })
  const response = await fetch(`${shop.t.url}/api/webhooks/${options.place ?? `github/${shop.connectionId}`}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': options.event ?? 'push',
      'x-github-delivery': options.id ?? `delivery-${++counted}`,
      'x-hub-signature-256': `sha256=${createHmac('sha256', shop.secret).update(body).digest('hex')}`,
      ...options.headers,
    },
    body,
  })
  await response.arrayBuffer()
  return response.status
}

/** When every delivery was acted on. */
async function settled(shop: Shop): Promise<void> {
  const end = Date.now() + 20_000
  for (;;) {
    const open = await shop.t.db.db.select().from(deliveries).where(eq(deliveries.status, 'received'))
    const unmade = await shop.t.db.db.select().from(pushes).where(eq(pushes.status, 'accepted'))
    if (open.length === 0 && unmade.length === 0) return
    if (Date.now() > end) throw new Error(`never acted on: ${JSON.stringify(open.map(({ reason }) => reason))}`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}

test('a connected repository begins with a run of its default branch, and is only read here', async () => {
  await using shop = await connected()
  const [head] = (await must(shop.clone.git('rev-parse', 'HEAD'))).stdout.split('\n')
  expect(await runsOf(shop)).toMatchObject([{ number: 1, commit: head }])
  expect((await shop.query('repositories.view')).data).toMatchObject({ kind: 'connected', defaultBranch: 'main' })
  const view = (await shop.query('connections.find')).data
  expect(view).toMatchObject({ url: shop.remoteUrl, credential: 'token', failure: null })
  expect(JSON.stringify(view)).not.toContain(shop.owner.token)

  await must(shop.clone.git('fetch', '-q', 'origin'))
  await shop.clone.commit({ 'b.txt': 'b' })
  const pushed = await shop.clone.git('push', 'origin', 'HEAD:main')
  expect(pushed.code).not.toBe(0)
  expect(pushed.stderr).toContain('403')

  // Nothing moved: looking again finds nothing.
  await shop.t.app.get(RemoteMoves).look(shop.connectionId)
  expect(await runsOf(shop)).toHaveLength(1)
})

test('branches and tags that were there before start nothing, and new ones do', async () => {
  await using shop = await openShop(local)
  const { owner, organizationId, t, clone } = shop
  await call(t, owner.token, {
    path: 'projects.create',
    type: 'mutation',
    input: { organizationId, slug: 'far', template: 'empty' },
  })
  await must(clone.git('remote', 'add', 'far', shop.urlFor(owner.token, 'acme/far')))
  await clone.commit({ [file]: workflow() }, 'First')
  await must(clone.git('tag', 'v1'))
  await must(clone.git('push', '-q', 'far', 'HEAD:main', 'HEAD:old', 'v1'))
  const { data } = await shop.mutate('connections.connect', {
    url: `${t.url}/git/acme/far.git/`,
    credential: { kind: 'password', username: 'any', password: owner.token },
  })
  expect(data.connection).toMatchObject({ provider: 'git', url: `${t.url}/git/acme/far`, webhookUrl: null })
  const moves = t.app.get(RemoteMoves)
  await moves.look(data.connection.id)
  expect(await runsOf(shop)).toMatchObject([{ branch: 'main' }])
  await clone.commit({ 'c.txt': 'c' })
  await must(clone.git('push', '-q', 'far', 'HEAD:fresh', ':old'))
  await moves.look(data.connection.id)
  expect(await runsOf(shop)).toMatchObject([{ branch: 'fresh' }, { branch: 'main' }])
  const { branches, tags } = (await shop.query('repositories.view')).data
  expect(branches.map(({ name }: { name: string }) => name).sort()).toEqual(['fresh', 'main'])
  expect(tags).toMatchObject([{ name: 'v1' }])
})

test('what cannot be read is not connected, and says why', async () => {
  await using shop = await connected()
  const { owner, organizationId, t } = shop
  const other = await call(t, owner.token, {
    path: 'projects.create',
    type: 'mutation',
    input: { organizationId, slug: 'other', template: 'empty' },
  })
  const connect = (input: Record<string, unknown>) =>
    call(t, owner.token, {
      path: 'connections.connect',
      type: 'mutation',
      input: { projectId: other.data.id, ...input },
    })
  expect(await connect({ url: shop.remoteUrl })).toMatchObject({ reason: 'connection.denied' })
  expect(await connect({ url: shop.remoteUrl, credential: { kind: 'token', token: 'wrong' } })).toMatchObject({
    message: expect.stringContaining('refuses this credential'),
    reason: 'connection.denied',
  })
  expect(
    await connect({ url: `${t.url}/git/acme/nowhere`, credential: { kind: 'token', token: owner.token } }),
  ).toMatchObject({ reason: 'connection.not_found' })
  expect(await connect({ url: 'http://127.0.0.1:9/a/b' })).toMatchObject({ reason: 'connection.unreachable' })
  for (const url of [
    'file:///etc',
    'ext::sh -c id',
    'git@github.com:a/b.git',
    'https://u:p@host/a/b',
    '--upload-pack=x',
  ]) {
    expect(await connect({ url })).toMatchObject({ reason: 'input.invalid' })
  }
  // Its own repository holds code by now.
  const hosted = (
    await call(t, owner.token, {
      path: 'projects.find',
      type: 'query',
      input: { organization: 'acme', project: 'far' },
    })
  ).data
  const refused = await call(t, owner.token, {
    path: 'connections.connect',
    type: 'mutation',
    input: { projectId: hosted.id, url: shop.remoteUrl, credential: { kind: 'token', token: owner.token } },
  })
  expect(refused).toMatchObject({ reason: 'connection.has_code' })
})

test('a private address is called only where its network is named', async () => {
  await using shop = await openShop()
  const refused = await shop.mutate('connections.connect', { url: `${shop.t.url}/git/acme/far` })
  expect(refused).toMatchObject({ reason: 'address.private' })
})

test('a signed push starts its runs once, however often and from wherever it is told', async () => {
  await using shop = await connected()
  const before = (await runsOf(shop))[0]!.commit
  const after = await shop.change('Second')
  expect(await send(shop, { before, after }, { id: 'one' })).toBe(202)
  expect(await send(shop, { before, after }, { id: 'one' })).toBe(202)
  expect(await send(shop, { before, after }, { id: 'two' })).toBe(202)
  await settled(shop)
  await shop.t.app.get(RemoteMoves).look(shop.connectionId)
  expect(await runsOf(shop)).toMatchObject([{ number: 2, commit: after }, { number: 1 }])
  const rows = await inbox(shop)
  expect(rows).toMatchObject([
    { deliveryId: 'two', verdict: 'known', runs: [] },
    { deliveryId: 'one', verdict: 'started', ref: 'refs/heads/main', commit: after, runs: [2] },
  ])
  const shown = (await shop.query('deliveries.view', { id: rows[1].id })).data
  expect(JSON.parse(shown.body)).toMatchObject({ after })
  expect(shown.headers).toMatchObject({ 'x-github-delivery': 'one' })
  expect(JSON.stringify(shown.headers)).not.toContain('sha256=')
})

test('a push that was found by looking is known when its webhook comes', async () => {
  await using shop = await connected()
  const before = (await runsOf(shop))[0]!.commit
  const after = await shop.change('Second')
  await shop.t.app.get(RemoteMoves).look(shop.connectionId)
  expect(await runsOf(shop)).toHaveLength(2)
  await send(shop, { before, after })
  await settled(shop)
  expect(await runsOf(shop)).toHaveLength(2)
  expect(await inbox(shop)).toMatchObject([{ verdict: 'known', runs: [2] }])
})

test('a push that was told after the branch had gone on has its run, and moves the branch nowhere', async () => {
  await using shop = await connected()
  const first = (await runsOf(shop))[0]!.commit
  const second = await shop.change('Second')
  const third = await shop.change('Third')
  const moves = shop.t.app.get(RemoteMoves)
  await moves.look(shop.connectionId)
  expect(await runsOf(shop)).toMatchObject([{ commit: third }, { commit: first }])
  await send(shop, { before: first, after: second })
  await send(shop, { before: second, after: third })
  await settled(shop)
  await moves.look(shop.connectionId)
  expect(await runsOf(shop)).toMatchObject([{ commit: second }, { commit: third }, { commit: first }])
  const { branches } = (await shop.query('repositories.view')).data
  expect(branches).toMatchObject([{ name: 'main', commit: third }])
})

test('of a branch that was pushed over, the commit that is gone is said to be gone', async () => {
  await using shop = await connected()
  const before = (await runsOf(shop))[0]!.commit
  await send(shop, { before, after: 'a'.repeat(40) })
  await settled(shop)
  expect(await inbox(shop)).toMatchObject([{ status: 'failed', reason: expect.stringContaining('a'.repeat(40)) }])
  expect(await runsOf(shop)).toHaveLength(1)
})

test('a deleted branch goes here too', async () => {
  await using shop = await connected()
  const commit = (await runsOf(shop))[0]!.commit
  await must(shop.clone.git('push', '-q', 'far', `${commit}:refs/heads/side`))
  await send(shop, { ref: 'refs/heads/side', before: none, after: commit })
  await settled(shop)
  expect(await runsOf(shop)).toHaveLength(2)
  await must(shop.clone.git('push', '-q', 'far', ':side'))
  await send(shop, { ref: 'refs/heads/side', before: commit, after: none })
  await settled(shop)
  const { branches } = (await shop.query('repositories.view')).data
  expect(branches.map(({ name }: { name: string }) => name)).toEqual(['main'])
  expect(await runsOf(shop)).toHaveLength(2)
})

test('without a right signature nothing is stored, whoever it is for', async () => {
  await using shop = await connected()
  const told = { before: none, after: none }
  for (const headers of [
    { 'x-hub-signature-256': 'sha256=0000' },
    { 'x-hub-signature-256': '' },
    { 'x-hub-signature-256': `sha1=${'0'.repeat(40)}` },
  ]) {
    expect(await send(shop, told, { headers })).toBe(401)
  }
  expect(await send(shop, told, { place: 'github' })).toBe(401)
  expect(await send(shop, told, { place: `gitlab/${shop.connectionId}` })).toBe(401)
  expect(await send(shop, told, { place: 'github/00000000-0000-7000-8000-000000000000' })).toBe(401)
  expect(await send(shop, told, { place: 'bitbucket' })).toBe(404)
  expect(await send(shop, told, { place: 'github/x' })).toBe(404)
  expect(await shop.t.db.db.select().from(deliveries)).toEqual([])
  const metrics = await (await fetch(`${shop.t.url}/metrics`)).text()
  expect(metrics).toContain('juanie_webhooks_refused_total{provider="github"} 5')
})

test('one secret serves the whole installation, and says what it matched nothing for', async () => {
  const secret = 'one-secret-for-all-of-them'
  await using shop = await connected('github', { JUANIE_WEBHOOK_SECRET: secret })
  const before = (await runsOf(shop))[0]!.commit
  const after = await shop.change('Second')
  const everywhere = Object.assign(shop, { secret })
  expect(await send(everywhere, { before, after }, { place: 'github' })).toBe(202)
  await settled(shop)
  expect(await runsOf(shop)).toHaveLength(2)
  const stranger = { ...everywhere, remoteUrl: 'https://github.com/somebody/else' }
  expect(await send(stranger as Connected, { before, after }, { place: 'github', id: 'stranger' })).toBe(202)
  await settled(shop)
  const rows = await shop.t.db.db.select().from(deliveries).where(eq(deliveries.deliveryId, 'stranger'))
  expect(rows).toMatchObject([{ verdict: 'unmatched', projectId: null }])
})

test('GitLab and Gitea sign in their own ways', async () => {
  for (const provider of ['gitlab', 'gitea']) {
    await using shop = await connected(provider)
    const before = (await runsOf(shop))[0]!.commit
    const after = await shop.change('Second')
    const body = JSON.stringify({ object_kind: 'push', ref: 'refs/heads/main', before, after })
    const headers: Record<string, string> =
      provider === 'gitlab'
        ? { 'x-gitlab-event': 'Push Hook', 'x-gitlab-event-uuid': 'g1', 'x-gitlab-token': shop.secret }
        : {
            'x-gitea-event': 'push',
            'x-gitea-delivery': 'g1',
            'x-gitea-signature': createHmac('sha256', shop.secret).update(body).digest('hex'),
          }
    const answer = await fetch(`${shop.t.url}/api/webhooks/${provider}/${shop.connectionId}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
    expect(answer.status).toBe(202)
    await settled(shop)
    expect(await runsOf(shop)).toMatchObject([{ commit: after }, { commit: before }])
    const shown = (await shop.query('deliveries.view', { id: (await inbox(shop))[0].id })).data
    expect(JSON.stringify(shown.headers)).not.toContain(shop.secret)
  }
})

test('a ping is greeted, other events are ignored with a reason, and a delivery can be replayed', async () => {
  await using shop = await connected()
  await send(shop, { before: none, after: none }, { event: 'ping' })
  await send(shop, { before: none, after: none }, { event: 'star' })
  await send(shop, { before: 'x', after: 'y' })
  await settled(shop)
  const rows = await inbox(shop)
  expect(rows).toMatchObject([
    { verdict: 'ignored', reason: expect.stringContaining('before') },
    { verdict: 'ignored', reason: expect.stringContaining('"star"') },
    { verdict: 'greeted' },
  ])
  const { data } = await shop.mutate('deliveries.replay', { id: rows[1].id })
  expect((await inbox(shop))[0]).toMatchObject({ id: data.id, replayOf: rows[1].id, verdict: 'ignored' })
})

test('a repository that lies here in ruins is fetched anew', async () => {
  await using shop = await connected()
  const before = (await runsOf(shop))[0]!.commit
  const [row] = await shop.t.db.db.select().from(connections)
  const store = shop.t.app.get(LocalGitStore)
  const folder = store.localPath(row!.repositoryId)
  const after = await shop.change('Second')
  const packs = join(folder, 'objects', 'pack')
  const packed = readdirSync(packs).filter((name) => name.endsWith('.pack'))
  for (const name of packed) writeFileSync(join(packs, name), 'ruins', { flag: 'w', mode: 0o600 })
  if (packed.length === 0) await must(runGit(folder, ['update-ref', '-d', 'refs/heads/main']))
  await send(shop, { before, after })
  await settled(shop)
  expect(existsSync(folder)).toBe(true)
  expect(await inbox(shop)).toMatchObject([{ verdict: 'started' }])
  expect(await runsOf(shop)).toMatchObject([{ commit: after }, { commit: before }])
})

test('a repository that was disconnected is hosted here, with what was fetched', async () => {
  await using shop = await connected()
  await shop.mutate('connections.disconnect')
  expect((await shop.query('connections.find')).data).toBeNull()
  await shop.clone.commit({ 'b.txt': 'b' })
  await must(shop.clone.git('push', '-q', 'origin', 'HEAD:main'))
  expect(await runsOf(shop)).toHaveLength(2)
  const open = await shop.t.db.db.select().from(pushes).where(eq(pushes.status, 'accepted'))
  expect(open).toEqual([])
})
