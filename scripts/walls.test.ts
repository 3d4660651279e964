import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise, type ICruiseOptions, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser'
import { expect, test } from 'vitest'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { forbidden, options } = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as {
  forbidden: { name: string }[]
  options: ICruiseOptions
}

/** Names of the rules that fire in a folder. */
async function broken(folder: string): Promise<string[]> {
  const { enhancedResolveOptions, ...rest } = options
  const cruising = { ...rest, baseDir: folder, validate: true, ruleSet: { forbidden } as IFlattenedRuleSet }
  const { output } = await cruise(readdirSync(folder), cruising, enhancedResolveOptions as never)
  return (output as ICruiseResult).summary.violations.map((violation) => violation.rule.name)
}

test.each(forbidden.map((rule) => rule.name))(
  'the wall %s fires where it is broken',
  { timeout: 60_000 },
  async (name) => {
    expect(await broken(join(root, 'scripts/walls', name))).toContain(name)
  },
)
