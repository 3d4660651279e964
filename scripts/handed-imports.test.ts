import { expect, test } from 'vitest'
import { handImports } from './handed-imports.mjs'

test('an import of the code is handed to it, also within another', () => {
  expect(handImports('const a = async () => (await import("a")).b(import(`${c}`))')).toBe(
    'const a = async () => (await dynamicImport("a")).b(dynamicImport(`${c}`))',
  )
})

test('an import in text, a comment or a name stays', () => {
  const code = '// 日本語 import("a")\nconst text = `\nawait import("x")\n${"import(y)"}`\nobject.import(z)\n'
  expect(handImports(code)).toBe(code)
  expect(handImports(`${code}import("a")`)).toBe(`${code}dynamicImport("a")`)
})
