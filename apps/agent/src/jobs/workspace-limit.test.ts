import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { watchSize } from './workspace-limit.ts'

test('a folder that grows beyond its limit is told of once, and not before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'juanie-size-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  let told = 0
  const over = new Promise<void>((resolve) => {
    const end = watchSize(folder, { limitBytes: 1_000_000, everyMs: 10, over: () => resolve(void told++) })
    onTestFinished(end)
  })
  writeFileSync(join(folder, 'small'), Buffer.alloc(100_000))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(told).toBe(0)
  writeFileSync(join(folder, 'large'), Buffer.alloc(2_000_000))
  await over
  expect(told).toBe(1)
})
