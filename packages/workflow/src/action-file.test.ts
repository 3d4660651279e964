import { expect, test } from 'vitest'
import { parseAction, parseActionRef } from './index.ts'

test.each([
  ['actions/checkout@v4', { kind: 'remote', owner: 'actions', name: 'checkout', path: '', ref: 'v4' }],
  ['a/b/c/d@feature/x', { kind: 'remote', owner: 'a', name: 'b', path: 'c/d', ref: 'feature/x' }],
  ['./.github/actions/x/', { kind: 'local', path: '.github/actions/x' }],
  ['./', { kind: 'local', path: '' }],
  ['$/actions/x', { kind: 'self', path: 'actions/x' }],
  ['docker://alpine:3', { kind: 'docker', image: 'alpine:3' }],
])('%s is read', (uses, ref) => {
  expect(parseActionRef(uses)).toEqual(ref)
})

test.each([
  'a/b',
  'a@v1',
  '-a/b@v1',
  'a/-b@v1',
  'a/..@v1',
  'a/b/../c@v1',
  'a/b@-v1',
  'a/b@--upload-pack=x',
  'a/b@v1..v2',
  'a/b@v1:x',
  'a/b@',
  'a/b@x y',
  'a/b@v1\n',
  'a/b@@{1}',
  '$/../x',
  'docker://',
  'https://x/y@v1',
])('%j is none of the forms, or none that is safe', (uses) => {
  const ref = parseActionRef(uses)
  if (uses === 'a/b@v1\n') expect(ref).toMatchObject({ ref: 'v1' })
  else expect(ref).toBeNull()
})

test('a JavaScript action with its phases', () => {
  const { action, problems } = parseAction(
    `name: Cache
branding: { icon: archive }
inputs:
  Key: { description: a key, required: true }
  path: { default: '\${{ github.workspace }}', deprecationMessage: use key }
  old:
outputs:
  hit: { description: whether }
runs: { using: node24, main: dist/main.js, post: dist/post.js, post-if: success() }
`,
    'actions/cache/action.yml',
  )
  expect(problems).toEqual([])
  expect(action).toEqual({
    name: 'Cache',
    inputs: {
      key: { required: true },
      path: { default: '${{ github.workspace }}', required: false, deprecationMessage: 'use key' },
      old: { required: false },
    },
    outputs: {},
    runs: {
      using: 'node',
      version: 24,
      main: 'dist/main.js',
      preIf: 'always()',
      post: 'dist/post.js',
      postIf: 'success()',
    },
  })
})

test('a composite action keeps its steps and the templates of its outputs', () => {
  const { action, problems } = parseAction(
    `inputs: { to: { default: world } }
outputs: { said: { value: '\${{ steps.say.outputs.text }}' } }
runs:
  using: composite
  steps:
    - { id: say, shell: bash, run: 'echo text=\${{ inputs.to }} >>"$GITHUB_OUTPUT"', if: inputs.to != '' }
    - { uses: ./.github/actions/other, with: { a: 1 } }
    - uses: actions/checkout@v4
`,
    'action.yml',
  )
  expect(problems).toEqual([])
  expect(action?.outputs).toEqual({ said: '${{ steps.say.outputs.text }}' })
  expect(action?.runs).toMatchObject({
    using: 'composite',
    steps: [
      { kind: 'run', id: 'say', shell: 'bash', if: "inputs.to != ''" },
      { kind: 'uses', uses: './.github/actions/other', with: { a: '1' } },
      { kind: 'action', action: 'checkout' },
    ],
  })
})

test.each([
  ['', 1, 'must be a mapping'],
  ['name: x', 1, "'runs.using' is missing"],
  ['runs: { using: node24 }', 1, "'runs.main' is missing"],
  ['runs: { using: deno, main: x }', 1, "'deno'"],
  ['runs: { using: node20, main: /etc/passwd }', 1, 'relative to it'],
  ['runs:\n  using: composite\n  steps:\n    - run: echo', 4, "needs 'shell'"],
  ['runs:\n  using: composite\n  steps:\n    - parallel: [{ run: a, shell: sh }]', 4, 'cannot stand in a composite'],
])('%j is refused at its place', (text, line, message) => {
  const { action, problems } = parseAction(text, 'action.yml')
  expect(action).toBeNull()
  expect(problems[0]).toMatchObject({ position: { line }, message: expect.stringContaining(message) })
})
