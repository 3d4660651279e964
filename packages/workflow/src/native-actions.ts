import { parseActionRef } from './action-ref.ts'
import type { NativeAction, Template } from './model.ts'
import type { Problems } from './problems.ts'
import { entriesOf, readTemplates } from './read.ts'
import { said } from './sentences.ts'
import { hasExpression } from './template.ts'
import { type Node, scalarText } from './yaml.ts'

type InputFault = 'inputNotFlag' | 'inputNotFolder' | 'inputNotDepth'

interface ActionSpec {
  action: NativeAction
  /** Versions that exist; absent when every version does what Juanie does natively. */
  versions?: string[]
  /** Inputs that have an effect, each with what is said of a literal value that is wrong. */
  inputs: Record<string, (value: string) => InputFault | null>
  /** Inputs that must be there. */
  required?: string[]
  /** Inputs that are taken and have no effect here. */
  ignored: string[]
  /** Inputs that the native action does not have, with the values that ask for nothing. */
  defaults: Record<string, string[]>
}

const anything = () => null
const flag = (value: string) => (/^(true|false)$/i.test(value) ? null : 'inputNotFlag')
const nothing = ['']
const no = ['false', '']

const actions: Record<string, ActionSpec> = {
  'actions/checkout': {
    action: 'checkout',
    inputs: {
      ref: anything,
      path: insideWorkspace,
      token: anything,
      'persist-credentials': flag,
      'fetch-tags': flag,
      'sparse-checkout': anything,
      'sparse-checkout-cone-mode': flag,
      'fetch-depth': (value) => (/^\d{1,9}$/.test(value) ? null : 'inputNotDepth'),
    },
    ignored: ['clean', 'show-progress', 'set-safe-directory', 'filter'],
    defaults: {
      repository: ['', '${{ github.repository }}'],
      'ssh-key': nothing,
      'ssh-known-hosts': nothing,
      'ssh-strict': ['true', ''],
      'ssh-user': ['git', ''],
      lfs: no,
      submodules: no,
      'github-server-url': ['', '${{ github.server_url }}'],
      'allow-unsafe-pr-checkout': no,
    },
  },
  'juanie/release': {
    action: 'release',
    versions: ['v1'],
    inputs: { path: insideWorkspace, exclude: anything, name: anything },
    ignored: [],
    defaults: {},
  },
  'juanie/deploy': {
    action: 'deploy',
    versions: ['v1'],
    inputs: { environment: anything, release: anything, wait: flag },
    required: ['environment'],
    ignored: [],
    defaults: {},
  },
}

function insideWorkspace(value: string): InputFault | null {
  const outside = value.startsWith('/') || value.split('/').includes('..')
  return outside ? 'inputNotFolder' : null
}

export type UsesSpec = { kind: 'native'; spec: ActionSpec } | { kind: 'foreign' }

/** Finds what `uses` names, and reports why it cannot be run. */
export function readUses(node: Node, of: 'job' | 'composite', problems: Problems): UsesSpec | null {
  const uses = (scalarText(node) ?? '').trim()
  if (hasExpression(uses)) {
    problems.error(node, said('usesExpression'))
    return null
  }
  const ref = parseActionRef(uses)
  if (!ref) {
    problems.error(node, said('usesUnknown', { uses: shorten(uses) }))
    return null
  }
  // A job says so itself, so that the others of its workflow can run.
  if (ref.kind === 'docker' && of === 'composite') {
    problems.error(node, said('usesContainer', { uses: shorten(uses) }))
    return null
  }
  if (ref.kind !== 'remote') return { kind: 'foreign' }
  const name = `${ref.owner}/${ref.name}`.toLowerCase()
  const spec = ref.path === '' && Object.hasOwn(actions, name) ? actions[name]! : null
  if (!spec) {
    if (ref.owner.toLowerCase() !== 'juanie') return { kind: 'foreign' }
    const own = Object.keys(actions).filter((each) => each.startsWith('juanie/'))
    problems.error(node, said('ownActionUnknown', { uses: shorten(uses), known: own.join(', ') }))
    return null
  }
  if (spec.versions && !spec.versions.includes(ref.ref)) {
    problems.error(node, said('ownActionVersion', { name, version: shorten(ref.ref), known: spec.versions.at(-1)! }))
  }
  return { kind: 'native', spec }
}

/**
 * Whether a step asks a native action for something that it does not do. For `actions/checkout` the action itself is
 * run then, which does.
 */
export function asksForMore(spec: ActionSpec, node: Node | undefined): boolean {
  if (node?.kind === 'scalar' && hasExpression(scalarText(node) ?? '')) return spec.action === 'checkout'
  return entriesOf(node).some(({ name, value }) => {
    const harmless = Object.hasOwn(spec.defaults, name.toLowerCase()) ? spec.defaults[name.toLowerCase()]! : null
    const text = scalarText(value)
    return harmless !== null && text !== undefined && !harmless.includes(normalised(text))
  })
}

/** What is given to an action that is run as it is: it alone knows its inputs. */
export function readForeignInputs(node: Node | undefined, problems: Problems): Record<string, Template> {
  if (node?.kind === 'scalar' && node.value !== null && !hasExpression(String(node.value))) {
    problems.error(node, said('withKind'))
  }
  return readTemplates(node)
}

/** Checks `with` and keeps the inputs that have an effect. */
export function readInputsOf(spec: ActionSpec, node: Node | undefined, problems: Problems): Record<string, Template> {
  if (node?.kind === 'scalar' && node.value !== null) {
    problems.error(node, said('withKind'))
  }
  const kept: [string, Template][] = []
  for (const { name: written, key, value } of entriesOf(node)) {
    const name = written.toLowerCase()
    const text = scalarText(value)
    if (text === undefined || spec.ignored.includes(name)) continue
    const check = Object.hasOwn(spec.inputs, name) ? spec.inputs[name] : undefined
    if (check) {
      const fault = text === '' || hasExpression(text) ? null : check(text.trim())
      if (fault) problems.error(value, said(fault, { name }))
      kept.push([name, text])
      continue
    }
    if (Object.hasOwn(spec.defaults, name)) continue
    const known = [...Object.keys(spec.inputs), ...spec.ignored, ...Object.keys(spec.defaults)].join(', ')
    const fault = said('actionInputUnknown', { name: shorten(name), known })
    // GitHub runs a checkout all the same.
    if (spec.action === 'checkout') problems.warning(key, fault)
    else problems.error(key, fault)
  }
  return Object.fromEntries(kept)
}

const normalised = (text: string) => {
  const trimmed = text.trim()
  if (!trimmed.startsWith('${{')) return trimmed.toLowerCase()
  return `\${{ ${trimmed.slice(3, -2).trim()} }}`
}

const shorten = (text: string) => (text.length > 120 ? `${text.slice(0, 120)}…` : text)
