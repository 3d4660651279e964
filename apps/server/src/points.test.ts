import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serverPoints } from './points.ts'

const root = join(import.meta.dirname, '..', '..', '..')

const texts = ['apps/server/src', 'packages/services/src', 'packages/core/src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
)

test('every point that the server may die at is listed, once', () => {
  const named = texts.flatMap((text) => [...text.matchAll(/crashPoint\(\s*'([^']+)'/g)].map(([, name]) => name!))
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((name) => !serverPoints.includes(name))).toEqual([])
  expect(serverPoints).toEqual([...new Set(serverPoints)])
})
