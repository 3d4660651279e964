import type { FailedTest, TestTotals } from './contract.ts'
import { readXml } from './xml.ts'

export interface JUnitReport {
  totals: TestTotals
  failures: FailedTest[]
}

export const maxFailures = 500
const maxMessage = 4_000
const maxName = 1_000
const maxTests = 200_000
const maxDepth = 50

/**
 * JUnit's XML as tools write it: https://github.com/testmoapp/junitxml. Null for XML of something else. What a suite
 * says of its own totals is not believed; the cases are counted.
 */
export function readJUnit(text: string): JUnitReport | null {
  const totals: TestTotals = { passed: 0, failed: 0, skipped: 0, durationMs: 0 }
  const failures: FailedTest[] = []
  const suites: string[] = []
  let current: { test: FailedTest; state: 'passed' | 'failed' | 'skipped' } | null = null
  let isInFault = false
  let isReport = false
  let count = 0
  const finish = () => {
    if (!current) return
    totals[current.state]++
    totals.durationMs += current.test.durationMs ?? 0
    if (current.state === 'failed' && failures.length < maxFailures) {
      failures.push({ ...current.test, message: current.test.message.trim().slice(0, maxMessage) || 'failed' })
    }
    current = null
  }
  for (const piece of readXml(text)) {
    if (piece.kind === 'open') {
      const { name, attributes, isEmpty } = piece
      if (!isReport && name !== 'testsuites' && name !== 'testsuite') return null
      isReport = true
      if (name === 'testsuite' && !isEmpty) {
        if (suites.length >= maxDepth) throw new Error('its suites lie too deep')
        suites.push(attributes.name ?? '')
      } else if (name === 'testcase') {
        if (++count > maxTests) throw new Error(`it has more than ${maxTests} tests`)
        const seconds = Number(attributes.time)
        const test: FailedTest = {
          suite: (attributes.classname ?? suites.at(-1) ?? '').slice(0, maxName),
          name: (attributes.name ?? '').slice(0, maxName),
          file: attributes.file?.slice(0, maxName) ?? null,
          message: '',
          durationMs: Number.isFinite(seconds) && seconds >= 0 ? Math.round(seconds * 1000) : null,
        }
        current = { test, state: 'passed' }
        if (isEmpty) finish()
      } else if (current && (name === 'failure' || name === 'error')) {
        current.state = 'failed'
        current.test.message ||= attributes.message ?? ''
        isInFault = !isEmpty
      } else if (current && name === 'skipped' && current.state === 'passed') current.state = 'skipped'
    } else if (piece.kind === 'close') {
      if (piece.name === 'testsuite') suites.pop()
      else if (piece.name === 'testcase') finish()
      else if (piece.name === 'failure' || piece.name === 'error') isInFault = false
    } else if (isInFault && current && current.test.message.length < maxMessage) {
      current.test.message += `${current.test.message === '' ? '' : '\n'}${piece.text.trim().slice(0, maxMessage)}`
    }
  }
  return isReport ? { totals, failures } : null
}
