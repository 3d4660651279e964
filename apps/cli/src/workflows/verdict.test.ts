import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readWorkflow, workflowFiles } from './files.ts'
import { check } from './verdict.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'juanie-check-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
const jobs = (text: string) => check(root, 'ci.yml', `on: push\njobs:\n${text}`).jobs

test('what runs, waits for other labels, and needs Docker', () => {
  const verdicts = jobs(`  plain:
    runs-on: ubuntu-latest
    steps: [{ uses: actions/setup-node@v4 }, { run: npm test }]
  other:
    runs-on: windows-latest
    steps: [{ run: dir }]
  chosen:
    strategy: { matrix: { os: [ubuntu-latest, windows-latest] } }
    runs-on: \${{ matrix.os }}
    steps: [{ run: echo }]
  inside:
    runs-on: ubuntu-latest
    container: node:20
    steps: [{ run: npm test }]
`)
  expect(verdicts.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['plain', 'runs'],
    ['other', 'waits'],
    ['chosen', 'runs'],
    ['inside', 'blocked'],
  ])
  expect(verdicts[1]!.notes).toEqual(['It waits for an agent with the labels windows-latest.'])
  expect(verdicts[2]!.notes).toEqual(['1 of its 2 jobs waits for an agent with the labels windows-latest.'])
  expect(verdicts[3]!.notes.join()).toMatch(/^line \d+: .*Docker executor/)
})

test('labels out of a matrix are looked at where the file says them all', () => {
  const matrix = (text: string, runsOn = 'matrix.os') =>
    jobs(`  a:
    strategy: { matrix: ${text} }
    runs-on: \${{ ${runsOn} }}
    steps: [{ run: echo }]
`)[0]!
  expect(matrix('{ os: [ubuntu-latest, windows-latest, macos-latest], node: [22, 24] }')).toEqual({
    id: 'a',
    verdict: 'runs',
    notes: ['4 of its 6 jobs wait for an agent with the labels windows-latest or macos-latest.'],
  })
  expect(matrix('{ os: [windows-latest, macos-latest] }')).toEqual({
    id: 'a',
    verdict: 'waits',
    notes: ['It waits for an agent with the labels windows-latest or macos-latest.'],
  })
  expect(matrix('{ include: [{ os: ubuntu-latest }, { os: [self-hosted, gpu] }] }').notes).toEqual([
    '1 of its 2 jobs waits for an agent with the labels self-hosted, gpu.',
  ])
  const open = { id: 'a', verdict: 'runs', notes: [] }
  expect(matrix('{ os: [ubuntu-latest, ubuntu-24.04-arm] }')).toEqual(open)
  expect(matrix('"${{ fromJSON(vars.ALL) }}"')).toEqual(open)
  expect(matrix('{ os: ["${{ vars.OS }}", windows-latest] }')).toEqual(open)
  expect(matrix('{ os: [windows-latest] }', 'vars.OS || matrix.os')).toEqual(open)
  expect(matrix('{ os: [windows-latest] }', 'matrix.none')).toEqual(open)
})

test('actions and workflows of the repository are looked at', () => {
  write('.github/actions/good/action.yml', 'runs: { using: composite, steps: [{ run: echo, shell: bash }] }')
  write('.github/actions/image/action.yml', 'runs: { using: docker, image: Dockerfile }')
  write('.github/actions/broken/action.yml', 'name: nothing to run')
  const step = (name: string) => `  ${name}:
    runs-on: ubuntu-latest
    steps: [{ uses: ./.github/actions/${name} }]
`
  const verdicts = jobs(`${['good', 'image', 'broken', 'gone'].map(step).join('')}  call:
    uses: ./.github/workflows/gone.yml
`)
  expect(verdicts.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['good', 'runs'],
    ['image', 'blocked'],
    ['broken', 'blocked'],
    // A step before it may bring the folder.
    ['gone', 'runs'],
    ['call', 'blocked'],
  ])
  expect(verdicts[3]!.notes).toHaveLength(1)
})

test('a file that cannot be read has its problems and no jobs', () => {
  const { workflow, problems, jobs: none } = check(root, 'ci.yml', 'on: push\njobs: 3\n')
  expect([workflow, none]).toEqual([null, []])
  expect(problems[0]!.position?.line).toBe(2)
})

test('events of a forge are told apart', () => {
  const { starts, waits } = check(
    root,
    'ci.yml',
    'on: { push: {}, issues: {}, workflow_dispatch: {} }\njobs: { a: { runs-on: x, steps: [{ run: a }] } }',
  )
  expect([starts, waits]).toEqual([['push', 'workflow_dispatch'], ['issues']])
})

test('the first folder that holds a workflow counts', () => {
  expect(workflowFiles(root)).toEqual([])
  write('.github/workflows/b.yml', 'on: push')
  write('.github/workflows/a.yaml', 'on: push')
  write('.github/workflows/README.md', '')
  expect(workflowFiles(root)).toEqual(['.github/workflows/a.yaml', '.github/workflows/b.yml'])
  write('.juanie/workflows/own.yml', 'on: push')
  expect(workflowFiles(root)).toEqual(['.juanie/workflows/own.yml'])
  expect(readWorkflow(root, '.juanie/workflows/own.yml')).toBe('on: push')
  expect(readWorkflow('/', join(root, '.juanie/workflows/own.yml'))).toBe('on: push')
  expect(readWorkflow(join(root, '.github'), join(root, '.juanie/workflows/own.yml'))).toBe('on: push')
  expect(() => readWorkflow(root, '.juanie')).toThrow('.juanie: is not a file; name the files themselves.')
  expect(() => readWorkflow(root, 'gone.yml')).toThrow('gone.yml: there is no such file.')
})
