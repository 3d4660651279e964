import { warnOfInjection } from './injection.ts'
import type { Condition, Step, Template } from './model.ts'
import { asksForMore, readForeignInputs, readInputsOf, readUses } from './native-actions.ts'
import type { Problems } from './problems.ts'
import { idFault, readCondition, readFlag, readMinutes, readShell, readTemplates, readTexts } from './read.ts'
import { said } from './sentences.ts'
import { child, entry, type Node, scalarText } from './yaml.ts'

const maxSteps = 1000

/** Steps are numbered as the agent runs them: those of a `parallel` group stand in the list, before its end. */
export function readSteps(node: Node | undefined, problems: Problems): Step[] {
  if (node?.kind !== 'sequence') return []
  const reader = new StepsReader(problems, 'job')
  for (const item of node.items) reader.read(item)
  if (reader.steps.length > maxSteps) {
    problems.error(node, said('stepsMany', { count: reader.steps.length, most: maxSteps }))
    return []
  }
  return reader.steps
}

/** Steps of a composite action: `shell` must be there, and nothing runs in the background. */
export function readCompositeSteps(node: Node | undefined, problems: Problems): Step[] {
  if (node?.kind !== 'sequence') return []
  const reader = new StepsReader(problems, 'composite')
  for (const item of node.items.slice(0, maxSteps + 1)) reader.read(item)
  if (node.items.length > maxSteps) problems.error(node, said('actionStepsMany', { most: maxSteps }))
  return reader.steps
}

/** Whether every item could be read: with one that could not, its id is not known. */
export function countSteps(node: Node | undefined): number {
  if (node?.kind !== 'sequence') return 0
  return node.items.reduce((sum, item) => {
    const group = entry(item, 'parallel')?.value
    return sum + (group?.kind === 'sequence' ? group.items.length + 1 : 1)
  }, 0)
}

class StepsReader {
  readonly steps: Step[] = []
  readonly #problems: Problems
  readonly #of: 'job' | 'composite'
  readonly #ids = new Set<string>()
  /** Places of the steps in the background, by id in lower case, and of those that nothing has waited for yet. */
  readonly #background = new Map<string, number>()
  readonly #open = new Set<number>()

  constructor(problems: Problems, of: 'job' | 'composite') {
    this.#problems = problems
    this.#of = of
  }

  read(node: Node): void {
    if (node.kind !== 'mapping') return
    const parallel = entry(node, 'parallel')
    if (parallel) this.#parallel(node, parallel.value)
    else this.#step(node, false)
  }

  #parallel(node: Node, group: Node): void {
    if (this.#refusedHere(node, 'parallel')) return
    if (group.kind !== 'sequence' || group.items.length === 0) {
      this.#problems.error(group, said('parallelEmpty'))
      return
    }
    const places: number[] = []
    for (const item of group.items) {
      const inner = ['parallel', 'wait', 'wait-all', 'cancel', 'background'].find((key) => entry(item, key))
      if (inner) {
        this.#problems.error(entry(item, inner)!.key, said('notInParallel', { key: inner }))
        continue
      }
      const before = this.steps.length
      this.#step(item, true)
      if (this.steps.length > before) places.push(before)
    }
    for (const place of places) this.#open.delete(place)
    this.steps.push({ kind: 'wait', ...plain(node), name: 'Wait for the parallel steps', places })
  }

  #step(node: Node, isParallel: boolean): void {
    const step = readStep(node, this.#problems, this.#of)
    const id = scalarText(entry(node, 'id')?.value)
    if (id !== undefined) this.#takeId(id, entry(node, 'id')!.value)
    const background = entry(node, 'background')
    const asks = isParallel || (background?.value.kind === 'scalar' && background.value.value === true)
    if (background && this.#refusedHere(node, 'background')) return
    const place = this.steps.length
    if (step) {
      this.steps.push(asks ? { ...step, background: true } : step)
      if (asks) this.#open.add(place)
      if (asks && id !== undefined) this.#background.set(id.toLowerCase(), place)
      return
    }
    this.#waiting(node)
  }

  /** `wait`, `wait-all` and `cancel`. */
  #waiting(node: Node): void {
    const key = ['wait', 'wait-all', 'cancel'].find((each) => entry(node, each))
    if (key === undefined || this.#refusedHere(node, key)) return
    const value = entry(node, key)!.value
    const name = scalarText(entry(node, 'name')?.value)
    const id = scalarText(entry(node, 'id')?.value)
    const common = {
      ...plain(node),
      ...(id !== undefined && { id }),
      continueOnError: readFlag(entry(node, 'continue-on-error')?.value) ?? false,
    }
    if (key === 'wait-all') {
      const places = [...this.#open]
      this.#open.clear()
      this.steps.push({ kind: 'wait', ...common, name: name ?? 'Wait for all steps in the background', places })
      return
    }
    const texts = readTexts(value)
    const places = texts.flatMap(({ text, node: at }) => {
      const place = this.#background.get(text.toLowerCase())
      if (place === undefined) {
        this.#problems.error(at, said('waitUnknown', { id: text.slice(0, 100) }))
      }
      return place === undefined ? [] : [place]
    })
    if (key === 'cancel') {
      if (places[0] !== undefined)
        this.steps.push({ kind: 'cancel', ...common, name: name ?? `Cancel ${texts[0]!.text}`, place: places[0] })
      return
    }
    for (const place of places) this.#open.delete(place)
    const waited = texts.map(({ text }) => text).join(', ')
    this.steps.push({ kind: 'wait', ...common, name: name ?? `Wait for ${waited}`, places })
  }

  #refusedHere(node: Node, key: string): boolean {
    if (this.#of === 'job') return false
    this.#problems.error(entry(node, key)?.key ?? node, said('notInComposite', { key }))
    return true
  }

  #takeId(id: string, at: Node): void {
    const fault = this.#of === 'composite' && id.startsWith('__') ? null : idFault(id)
    if (fault) this.#problems.error(at, fault)
    else if (this.#ids.has(id.toLowerCase())) this.#problems.error(at, said('idTaken', { id }))
    this.#ids.add(id.toLowerCase())
  }
}

const plain = (node: Node) => ({
  if: 'success()' as Condition,
  env: {},
  continueOnError: false as boolean | Template,
  position: node.range.start,
})

function readStep(node: Node, problems: Problems, of: 'job' | 'composite'): Step | null {
  if (node.kind !== 'mapping') return null
  const at = (key: string) => entry(node, key)?.value
  const name = scalarText(at('name'))
  const id = scalarText(at('id'))
  const timeoutMinutes = readMinutes(at('timeout-minutes'), problems)
  const common = {
    ...(id !== undefined && { id }),
    ...(name !== undefined && { name }),
    if: readCondition(at('if'), 'step-if', problems),
    env: readTemplates(at('env')),
    continueOnError: readFlag(at('continue-on-error')) ?? false,
    ...(timeoutMinutes !== undefined && { timeoutMinutes }),
    position: node.range.start,
  }
  const uses = at('uses')
  if (uses) {
    warnOfInjection(child(at('with'), 'script'), problems)
    const found = readUses(uses, of, problems)
    if (!found) return null
    if (found.kind === 'foreign' || asksForMore(found.spec, at('with'))) {
      const written = (scalarText(uses) ?? '').trim()
      return { kind: 'uses', ...common, uses: written, with: readForeignInputs(at('with'), problems) }
    }
    const inputs = readInputsOf(found.spec, at('with'), problems)
    for (const name of found.spec.required ?? []) {
      if (!inputs[name]?.trim()) problems.error(uses, said('inputMissing', { name }))
    }
    return { kind: 'action', ...common, action: found.spec.action, uses: scalarText(uses) ?? '', with: inputs }
  }
  const run = scalarText(at('run'))
  if (run === undefined) return null
  warnOfInjection(at('run'), problems)
  const shell = readShell(at('shell'), problems)
  if (of === 'composite' && !scalarText(at('shell'))) problems.error(node, said('compositeShell'))
  const workingDirectory = scalarText(at('working-directory'))
  return {
    kind: 'run',
    ...common,
    run,
    ...(shell !== undefined && { shell }),
    ...(workingDirectory !== undefined && { workingDirectory }),
  }
}
