import { expect, test } from 'vitest'
import { textValue } from './stdin.ts'

test('a value loses its last line break and nothing else, and bytes that are no text are refused', () => {
  expect(textValue(Buffer.from('\ufeffpässword \n\r\n'), 'It')).toBe('\ufeffpässword \n')
  expect(() => textValue(Buffer.from([0x70, 0xe9, 0x0a]), 'It')).toThrow('It is not UTF-8 text')
})
