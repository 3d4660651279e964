import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { ComposerTranslation } from 'vue-i18n'
import { agentSentences, sayAgentWords } from './agent-words.ts'

const t = ((key: string, values: object) =>
  `[${key.replace('deployments.agent.', '')} ${Object.values(values).join(' ')}]`) as unknown as ComposerTranslation

test.each([
  ['It exited with code 1 before it became healthy.', '[exitedEarly 1]'],
  [
    'It did not become healthy within 5 s. GET /healthz answered 500, not 200 to 299.',
    '[notHealthy 5][answered /healthz 500 200 to 299]',
  ],
  ['It exited with code 3. It was started 3 times and never became healthy.', '[exited 3][neverHealthy 3]'],
  ['3 probes in a row were bad: GET / got no answer within 50 ms.', '[badProbes 3][noAnswer / 50]'],
  [
    'It listens on port 8080, not on 4711, the port that PORT names. Let it listen on the port in the variable PORT.',
    '[wrongPort 8080 4711]',
  ],
  ['It was ended because it used more than its memory limit of 64.0 MiB.', '[memory 64.0 MiB]'],
  ['The moon is full.', 'The moon is full.'],
  ['It exited with code 1. The moon is full.', '[exited 1]The moon is full.'],
])('%s', (text, expected) => expect(sayAgentWords(text, t)).toBe(expected))

test('the agent still says it so', () => {
  const folder = new URL('../../../../agent/src/runtime/', import.meta.url)
  const source = ['instance-words', 'instance', 'task', 'probe', 'probes', 'routes']
    .map((name) => readFileSync(fileURLToPath(new URL(`${name}.ts`, folder)), 'utf8'))
    .join('\n')
  // The longest piece of each pattern that holds no place for a value.
  const pieces = agentSentences.map(({ pattern }) => {
    const fixed = pattern.source
      .replace(/^\^/, '')
      .replaceAll('\\.', '.')
      .split(/\([^)]*\)\)?|\.\(\?/)
    return fixed.reduce((longest, piece) => (piece.length > longest.length ? piece : longest), '').trim()
  })
  const lost = pieces.filter((piece) => !source.includes(piece) && !source.includes(piece.replace(/\.$/, '')))
  expect(lost).toEqual([])
})
