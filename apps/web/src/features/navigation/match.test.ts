import { expect, test } from 'vitest'
import { ranked, score } from './match.ts'

const names = [
  'Deployments',
  'Deploy a release',
  'Environment dev',
  'Environment production',
  'run #14',
  'run #4',
  '部署',
  '回滚',
]
const find = (typed: string) => ranked(names, typed, (name) => name)

test.each([
  ['', names[0]],
  ['dev', 'Environment dev'],
  ['envprod', 'Environment production'],
  ['epr', 'Environment production'],
  ['run #4', 'run #4'],
  ['#14', 'run #14'],
  ['DEPLOYM', 'Deployments'],
  ['d r', 'Deploy a release'],
  ['部', '部署'],
])('"%s" finds %s first', (typed, first) => {
  expect(find(typed)[0]).toBe(first)
})

test('what lacks a letter, or has them in another order, is not found', () => {
  expect(find('xyz')).toEqual([])
  expect(score('abc', 'cba')).toBe(0)
})

test('without a word everything stays as it was', () => {
  expect(find('  ')).toEqual(names)
})
