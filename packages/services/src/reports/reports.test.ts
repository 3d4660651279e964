import { expect, test } from 'vitest'
import { readCobertura, readIstanbul, readLcov } from './coverage.ts'
import { readJUnit } from './junit.ts'

test('cases are counted, and those that failed are told with their message', () => {
  const report = readJUnit(`<?xml version="1.0"?>
<testsuites tests="999"><testsuite name="outer"><properties><property name="a" value="x > y"/></properties>
<testcase classname="cart" name="adds &amp; sums" time="0.5"/>
<testcase name="removes" file="cart.test.ts" time="1.25"><failure message="expected 1 &lt; 0"><![CDATA[at <cart>:7]]></failure></testcase>
<testcase name="later"><skipped/></testcase>
<testcase name="breaks"><error>boom</error><system-out>much</system-out></testcase>
</testsuite></testsuites>`)
  expect(report?.totals).toEqual({ passed: 1, failed: 2, skipped: 1, durationMs: 1750 })
  expect(report?.failures).toEqual([
    { suite: 'outer', name: 'removes', file: 'cart.test.ts', durationMs: 1250, message: 'expected 1 < 0\nat <cart>:7' },
    { suite: 'outer', name: 'breaks', file: null, durationMs: null, message: 'boom' },
  ])
})

test('other XML is no report, and what could grow is refused', () => {
  expect(readJUnit('<html><body/></html>')).toBeNull()
  expect(readJUnit('')).toBeNull()
  const bomb = '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'
  expect(() => readJUnit(bomb)).toThrow('document type')
  expect(() => readJUnit('<testsuite><testcase name="a')).toThrow('too early')
  expect(() => readJUnit('<testsuite>'.repeat(1000))).toThrow('too deep')
  expect(readJUnit('<testsuite><testcase name="&b;&#0;&#65;"/></testsuite>')?.totals.passed).toBe(1)
})

test('a long report is read in little time', () => {
  const cases = '<testcase name="a" time="0.001"><failure message="m">t</failure></testcase>'.repeat(20_000)
  const began = performance.now()
  const report = readJUnit(`<testsuite>${cases}</testsuite>`)
  expect(report?.totals.failed).toBe(20_000)
  expect(report?.failures).toHaveLength(500)
  expect(performance.now() - began).toBeLessThan(5_000)
})

test('lines covered, in the three forms', () => {
  const expected = { linesTotal: 10, linesCovered: 7 }
  expect(readLcov('SF:a\nLF:4\nLH:3\nend_of_record\nSF:b\nLF:6\nLH:4\nend_of_record\n')).toEqual(expected)
  expect(readIstanbul('{"total":{"lines":{"total":10,"covered":7,"pct":70}}}')).toEqual(expected)
  expect(readCobertura('<coverage lines-valid="10" lines-covered="7"><packages/></coverage>')).toEqual(expected)
  expect(
    readCobertura('<coverage><lines><line number="1" hits="2"/><line number="2" hits="0"/></lines></coverage>'),
  ).toEqual({
    linesTotal: 2,
    linesCovered: 1,
  })
  expect([readLcov('hello'), readIstanbul('{}'), readCobertura('<testsuite/>')]).toEqual([null, null, null])
})
