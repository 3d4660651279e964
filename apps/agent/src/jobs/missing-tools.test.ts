import { expect, test } from 'vitest'
import { adviceFor, missingTool } from './missing-tools.ts'

test('what shells say of a program that is not there', () => {
  expect(missingTool('/tmp/ci.sh: line 3: jq: command not found')).toBe('jq')
  expect(missingTool('sh: 1: cargo-nextest: not found')).toBe('cargo-nextest')
  expect(missingTool('g++: command not found\r')).toBe('g++')
})

test('what only sounds like it', () => {
  for (const line of ['page: not found, sorry', 'Error: not found', 'module "x" was not found', '']) {
    expect(['Error', null]).toContain(missingTool(line))
  }
})

test('the way to get a tool is named', () => {
  expect(adviceFor('cargo')).toContain('dtolnay/rust-toolchain')
  expect(adviceFor('docker')).toContain('Docker executor')
  expect(adviceFor('constructor')).toContain('on the host')
})
