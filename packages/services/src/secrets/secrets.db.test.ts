import { randomBytes } from 'node:crypto'
import { uuidv7 } from '@juanie/core/ids'
import type { ProjectScope } from '@juanie/core/scope'
import { type TestDb, testDb } from '@juanie/core/testing/index'
import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { environments } from '../environments/tables.ts'
import { organizations } from '../organizations/tables.ts'
import { projects } from '../projects/tables.ts'
import { maxValueBytes, SetSetting, SettingName } from './contract.ts'
import { DataKeys, Secrets, Variables } from './index.ts'

const masterKey = randomBytes(32)

async function shop(t: TestDb, slug = 'shop') {
  const organizationId = uuidv7()
  const projectId = uuidv7()
  await t.db.insert(organizations).values({ id: organizationId, slug, name: slug })
  await t.db.insert(projects).values({ id: projectId, organizationId, slug, name: slug })
  const rows = await t.db
    .insert(environments)
    .values(
      ['dev', 'production'].map((name, place) => ({
        projectId,
        name,
        position: place + 1,
        config: { follows: null },
      })),
    )
    .returning()
  const scope: ProjectScope = { organizationId, projectId, actor: { kind: 'system', id: null, name: 'juanie' } }
  const ids = Object.fromEntries(rows.map((row) => [row.name, row.id])) as Record<'dev' | 'production', string>
  const secrets = new Secrets({ db: t.db, keys: new DataKeys(masterKey) })
  return { scope, ids, secrets, variables: new Variables({ db: t.db }) }
}

test('an environment’s own value wins over the project’s, whichever of the two is a secret', async () => {
  await using t = await testDb()
  const { scope, ids, secrets, variables } = await shop(t)
  await variables.set(scope, { name: 'LEVEL', value: 'info' })
  await variables.set(scope, { name: 'LEVEL', value: 'debug', environment: 'dev' })
  await variables.set(scope, { name: 'KEY', value: 'for tests', environment: 'dev' })
  await secrets.set(scope, { name: 'KEY', value: 'the real one' })
  await secrets.set(scope, { name: 'LEVEL', value: 'hidden', environment: 'production' })

  const dev = await secrets.freeze(t.db, { ...scope, environmentId: ids.dev })
  expect(dev).toEqual({ variables: { KEY: 'for tests', LEVEL: 'debug' }, secrets: [] })
  const production = await secrets.freeze(t.db, { ...scope, environmentId: ids.production })
  expect(production.variables).toEqual({})
  expect(production.secrets.map(({ name, version }) => [name, version])).toEqual([
    ['KEY', 1],
    ['LEVEL', 1],
  ])
  expect(await secrets.open(t.db, scope, production.secrets)).toEqual({ KEY: 'the real one', LEVEL: 'hidden' })
})

test('what was frozen stays what it was when the secret is rotated or deleted', async () => {
  await using t = await testDb()
  const { scope, ids, secrets } = await shop(t)
  await secrets.set(scope, { name: 'KEY', value: 'first' })
  const before = await secrets.freeze(t.db, { ...scope, environmentId: ids.dev })
  expect(await secrets.set(scope, { name: 'KEY', value: 'second' })).toMatchObject({ version: 2 })
  const after = await secrets.freeze(t.db, { ...scope, environmentId: ids.dev })
  await secrets.delete(scope, { name: 'KEY' })
  expect((await secrets.freeze(t.db, { ...scope, environmentId: ids.dev })).secrets).toEqual([])
  expect(await secrets.open(t.db, scope, before.secrets)).toEqual({ KEY: 'first' })
  expect(await secrets.open(t.db, scope, after.secrets)).toEqual({ KEY: 'second' })
  expect(await secrets.set(scope, { name: 'KEY', value: 'third' })).toMatchObject({ version: 1 })
})

test('a value that was moved, swapped, damaged or sealed by another key opens for nobody', async () => {
  await using t = await testDb()
  const { scope, ids, secrets } = await shop(t)
  await secrets.set(scope, { name: 'ONE', value: 'a', environment: 'dev' })
  await secrets.set(scope, { name: 'TWO', value: 'b' })
  const frozen = await secrets.freeze(t.db, { ...scope, environmentId: ids.dev })
  const fails = async (change: string) => {
    await t.pool.query(change)
    const fresh = new Secrets({ db: t.db, keys: new DataKeys(masterKey) })
    await expect(fresh.open(t.db, scope, frozen.secrets), change).rejects.toMatchObject({ code: 'unavailable' })
  }
  const keep = await t.pool.query('select id, sealed, version from secret_versions')
  const restore = async () => {
    for (const row of keep.rows) {
      await t.pool.query('update secret_versions set sealed = $2, version = $3 where id = $1', [
        row.id,
        row.sealed,
        row.version,
      ])
    }
  }
  await fails(`update secret_versions set sealed = (select sealed from secret_versions order by id desc limit 1)`)
  await restore()
  await fails(`update secret_versions set version = version + 1`)
  await restore()
  await fails(`update secret_versions set sealed = left(sealed, -2) || 'AA'`)
  await restore()
  await t.pool.query(`update secrets set environment_id = $1 where name = 'ONE'`, [ids.production])
  await expect(secrets.open(t.db, scope, frozen.secrets)).rejects.toMatchObject({ reason: 'secret.undecryptable' })
  await t.pool.query(`update secrets set environment_id = $1 where name = 'ONE'`, [ids.dev])
  expect(await secrets.open(t.db, scope, frozen.secrets)).toEqual({ ONE: 'a', TWO: 'b' })

  const other = new Secrets({ db: t.db, keys: new DataKeys(randomBytes(32)) })
  await expect(other.open(t.db, scope, frozen.secrets)).rejects.toMatchObject({ reason: 'secret.undecryptable' })
  await expect(other.set(scope, { name: 'NEW', value: 'x' })).rejects.toMatchObject({ reason: 'secret.undecryptable' })
  await t.pool.query('delete from secret_versions where id = $1', [frozen.secrets[0]!.versionId])
  await expect(secrets.open(t.db, scope, frozen.secrets)).rejects.toMatchObject({ reason: 'secret.version_missing' })
})

test('another project cannot open a version by its id', async () => {
  await using t = await testDb()
  const ours = await shop(t, 'ours')
  const theirs = await shop(t, 'theirs')
  await ours.secrets.set(ours.scope, { name: 'KEY', value: 'ours' })
  const frozen = await ours.secrets.freeze(t.db, { ...ours.scope, environmentId: ours.ids.dev })
  await expect(theirs.secrets.open(t.db, theirs.scope, frozen.secrets)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(
    theirs.secrets.set(theirs.scope, { name: 'KEY', value: 'x', environment: ours.ids.dev }),
  ).rejects.toMatchObject({ reason: 'environment.not_found' })
})

test('values lie sealed in the database and appear in no list and no event', async () => {
  await using t = await testDb()
  const { scope, secrets } = await shop(t)
  const value = 'SUPERSECRETVALUE-密码'
  await secrets.set(scope, { name: 'KEY', value, environment: 'dev' })
  const list = await secrets.list(scope, {})
  expect(list).toMatchObject([{ name: 'KEY', environment: 'dev', version: 1 }])
  const { rows } = await t.pool.query(`
    select (select json_agg(x) from secret_versions x)::text || (select json_agg(x) from secrets x)::text ||
           (select json_agg(x) from project_events x)::text || (select json_agg(x) from data_keys x)::text as all_text`)
  for (const text of [rows[0].all_text, JSON.stringify(list)]) {
    expect(text).not.toContain('SUPERSECRET')
    expect(text).not.toContain(Buffer.from(value).toString('base64').slice(0, 12))
  }
})

test('a job gets the secrets that it names, its environment’s before the project’s, whatever their case', async () => {
  await using t = await testDb()
  const { scope, secrets, variables } = await shop(t)
  await secrets.set(scope, { name: 'Deploy_Key', value: 'project' })
  await secrets.set(scope, { name: 'Deploy_Key', value: 'dev', environment: 'dev' })
  await secrets.set(scope, { name: 'OTHER', value: 'other' })
  expect(await secrets.forRun(scope, { environment: 'dev', names: ['DEPLOY_KEY', 'MISSING'] })).toEqual({
    Deploy_Key: 'dev',
  })
  expect(await secrets.forRun(scope, { environment: null, names: ['deploy_key'] })).toEqual({ Deploy_Key: 'project' })
  expect(await secrets.forRun(scope, { environment: 'production', names: 'all' })).toEqual({
    Deploy_Key: 'project',
    OTHER: 'other',
  })
  expect(await secrets.forRun(scope, { environment: 'dev', names: [] })).toEqual({})
  await variables.set(scope, { name: 'LEVEL', value: 'info' })
  await variables.set(scope, { name: 'LEVEL', value: 'debug', environment: 'dev' })
  expect(await variables.forRun(scope.projectId, 'dev')).toEqual({ LEVEL: 'debug' })
  expect(await variables.forRun(scope.projectId, null)).toEqual({ LEVEL: 'info' })
})

test('one name at one place is a variable or a secret', async () => {
  await using t = await testDb()
  const { scope, secrets, variables } = await shop(t)
  await secrets.set(scope, { name: 'KEY', value: 'x' })
  await expect(variables.set(scope, { name: 'KEY', value: 'y' })).rejects.toMatchObject({
    reason: 'variable.name_taken',
  })
  await secrets.delete(scope, { name: 'KEY' })
  await variables.set(scope, { name: 'KEY', value: 'y' })
  await expect(secrets.set(scope, { name: 'KEY', value: 'x' })).rejects.toMatchObject({ reason: 'secret.name_taken' })
  await expect(secrets.delete(scope, { name: 'KEY' })).rejects.toMatchObject({ reason: 'secret.not_found' })
  await expect(variables.delete(scope, { name: 'KEY', environment: 'dev' })).rejects.toMatchObject({
    reason: 'variable.not_found',
  })
  await variables.delete(scope, { name: 'KEY' })
  expect(await variables.list(scope, {})).toEqual([])
})

test('lists show where each one is set, and what one environment gets', async () => {
  await using t = await testDb()
  const { scope, variables } = await shop(t)
  await variables.set(scope, { name: 'A', value: '1' })
  await variables.set(scope, { name: 'A', value: '2', environment: 'production' })
  await variables.set(scope, { name: 'B', value: '3', environment: 'dev' })
  const shown = (rows: { name: string; value: string; environment: string | null }[]) =>
    rows.map(({ name, value, environment }) => [name, value, environment])
  expect(shown(await variables.list(scope, {}))).toEqual([
    ['A', '1', null],
    ['A', '2', 'production'],
    ['B', '3', 'dev'],
  ])
  expect(shown(await variables.list(scope, { environment: 'production' }))).toEqual([['A', '2', 'production']])
  expect(shown(await variables.list(scope, { environment: 'dev' }))).toEqual([
    ['A', '1', null],
    ['B', '3', 'dev'],
  ])
})

test('two writers of one secret make two versions', async () => {
  await using t = await testDb()
  const { scope, secrets, ids } = await shop(t)
  const versions = await Promise.all(
    Array.from({ length: 6 }, (_, n) => secrets.set(scope, { name: 'KEY', value: String(n) })),
  )
  expect(versions.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5, 6])
  const frozen = await secrets.freeze(t.db, { ...scope, environmentId: ids.dev })
  const newest = versions.findIndex(({ version }) => version === 6)
  expect(await secrets.open(t.db, scope, frozen.secrets)).toEqual({ KEY: String(newest) })
})

test.each(['PORT', 'HOST', 'JUANIE_TOKEN', '1A', 'A-B', 'A B', '', 'É', 'A'.repeat(201)])(
  'the name %j is refused with its reason',
  (name) => {
    expect(z.safeParse(SettingName, name).success).toBe(false)
  },
)

test.each(['A', '_', 'a_b9', 'Port', 'GITHUB_CLIENT_ID'])('the name %j is fine', (name) => {
  expect(z.safeParse(SettingName, name).success).toBe(true)
})

test('a value is at most 64 KiB and holds no NUL', () => {
  const at = (value: string) => z.safeParse(SetSetting, { name: 'A', value }).success
  expect(at('x'.repeat(maxValueBytes))).toBe(true)
  expect(at('x'.repeat(maxValueBytes + 1))).toBe(false)
  expect(at('密'.repeat(maxValueBytes / 2))).toBe(false)
  expect(at('a\u0000b')).toBe(false)
  expect(at('')).toBe(true)
  expect(at('line\nline\r\n\t😀')).toBe(true)
})
