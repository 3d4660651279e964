import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { activeStatuses, deploymentStatuses, finalStatuses } from './contract.ts'
import { afterMove, deploymentPoints, edges, hasNotBegun, hasSwitched, isActive, isFinal } from './status.ts'

describe('every move that a deployment can make', () => {
  test.each([
    ['queued', 'admit', 'waiting'],
    ['queued', 'cancel', 'canceled'],
    ['queued', 'supersede', 'superseded'],
    ['queued', 'fail', 'failed'],
    ['waiting', 'prepare', 'preparing'],
    ['waiting', 'cancel', 'canceled'],
    ['waiting', 'supersede', 'superseded'],
    ['waiting', 'fail', 'failed'],
    ['preparing', 'migrate', 'migrating'],
    ['preparing', 'cancel', 'canceled'],
    ['preparing', 'fail', 'failed'],
    ['migrating', 'roll_out', 'rolling_out'],
    ['migrating', 'cancel', 'canceled'],
    ['migrating', 'fail', 'failed'],
    ['rolling_out', 'verify', 'verifying'],
    ['rolling_out', 'cancel', 'canceled'],
    ['rolling_out', 'fail', 'failed'],
    ['verifying', 'switch', 'switching'],
    ['verifying', 'cancel', 'canceled'],
    ['verifying', 'fail', 'failed'],
    ['switching', 'soak', 'soaking'],
    ['switching', 'roll_back', 'rolling_back'],
    ['switching', 'fail', 'failed'],
    ['soaking', 'succeed', 'succeeded'],
    ['soaking', 'roll_back', 'rolling_back'],
    ['soaking', 'fail', 'failed'],
    ['rolling_back', 'return', 'rolled_back'],
    ['rolling_back', 'give_up', 'rollback_failed'],
  ] as const)('%s --%s--> %s', (from, move, to) => {
    expect(afterMove(from, move)).toBe(to)
    expect(edges).toContainEqual({ from, move, to })
  })

  test('are these and no others', () => expect(edges).toHaveLength(28))
})

test('a final status has no way out, and every other one has', () => {
  for (const status of deploymentStatuses) {
    expect(edges.some(({ from }) => from === status)).toBe(!isFinal(status))
  }
})

test('every status lines up, is active or is final, and only one of them', () => {
  for (const status of deploymentStatuses) {
    expect([hasNotBegun(status), isActive(status), isFinal(status)].filter(Boolean)).toHaveLength(1)
  }
  expect(new Set([...activeStatuses, ...finalStatuses]).size).toBe(activeStatuses.length + finalStatuses.length)
})

test('once the traffic was asked to move, a deployment can no longer end as canceled', () => {
  for (const status of deploymentStatuses.filter(hasSwitched)) expect(afterMove(status, 'cancel')).toBeNull()
})

test('each move has a point before and a point after it, and no two points share a name', () => {
  for (const { from, move } of edges) {
    expect(deploymentPoints).toContain(`deployment.before.${from}.${move}`)
    expect(deploymentPoints).toContain(`deployment.after.${from}.${move}`)
  }
  expect(new Set(deploymentPoints).size).toBe(deploymentPoints.length)
})

test('one file alone writes the status of a deployment, so that no move is without its points', () => {
  const writers = readdirSync(import.meta.dirname).filter((name) => {
    if (!name.endsWith('.ts') || name.includes('.test.')) return false
    const text = readFileSync(join(import.meta.dirname, name), 'utf8')
    return (
      /update\(deployments\)\s*\.set\(\{[^}]*\bstatus\b/.test(text) || /update deployments[^;]*\bstatus\s*=/.test(text)
    )
  })
  expect(writers).toEqual(['transition.ts'])
})
