import { expect, test } from 'vitest'
import { policy as environments } from '../environments/policy.ts'
import { policy as projects } from '../projects/policy.ts'
import { policy as secrets } from '../secrets/policy.ts'
import { policy as organizations } from './policy.ts'

const tables = { ...organizations, ...projects, ...environments, ...secrets }

/** Who may, in the order owner, developer, viewer. */
const rows: Record<keyof typeof tables, 'yes yes yes' | 'yes yes no' | 'yes no no'> = {
  'organization.view': 'yes yes yes',
  'organization.invite': 'yes no no',
  'organization.remove': 'yes no no',
  'project.view': 'yes yes yes',
  'project.create': 'yes yes no',
  'project.update': 'yes yes no',
  'project.delete': 'yes no no',
  'environment.view': 'yes yes yes',
  'environment.create': 'yes yes no',
  'environment.edit': 'yes yes no',
  'variable.view': 'yes yes yes',
  'variable.set': 'yes yes no',
  'secret.view': 'yes yes yes',
  'secret.set': 'yes yes no',
}

test.each(Object.entries(rows))('%s: %s', (permission, may) => {
  const roles: readonly string[] = tables[permission as keyof typeof tables]
  expect(['owner', 'developer', 'viewer'].map((role) => (roles.includes(role) ? 'yes' : 'no')).join(' ')).toBe(may)
})

test('no permission is without a row', () => {
  expect(Object.keys(rows).sort()).toEqual(Object.keys(tables).sort())
})
