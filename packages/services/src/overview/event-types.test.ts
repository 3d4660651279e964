import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { deploymentStatuses } from '../deployments/contract.ts'
import { eventTypes } from './contract.ts'

const services = join(import.meta.dirname, '..')

/** Functions that take the type of an event; whatever in their call looks like one is one. */
const recorders = new Set(['record', 'recordAll', 'recordRun', 'fact'])

/** Every type of event that the code records: literals as they are, templates by the words that they can hold. */
function recorded(): string[] {
  const found = new Set<string>()
  for (const file of readdirSync(services, { recursive: true }) as string[]) {
    if (!/\.ts$/.test(file) || /\.test\.ts$|\/testing\//.test(file)) continue
    const source = ts.createSourceFile(file, readFileSync(join(services, file), 'utf8'), ts.ScriptTarget.Latest, true)
    const visit = (node: ts.Node, isRecorded: boolean): void => {
      const isCall = ts.isCallExpression(node) && recorders.has(node.expression.getText(source).replace(/^.*\./, ''))
      if (isRecorded && ts.isStringLiteral(node) && /^[a-z]+\.[a-z_]+$/.test(node.text)) found.add(node.text)
      if (isRecorded && ts.isTemplateExpression(node)) {
        if (node.getText(source) !== '`deployment.${to}`')
          throw new Error(`${file}: what events are these? ${node.getText(source)}`)
        for (const status of deploymentStatuses) found.add(`deployment.${status}`)
      }
      ts.forEachChild(node, (child) => visit(child, isRecorded || isCall))
    }
    visit(source, false)
  }
  return [...found].sort()
}

test('the vocabulary of events is what the code records, no more and no less', () => {
  expect(Object.keys(eventTypes).sort()).toEqual(recorded())
})
