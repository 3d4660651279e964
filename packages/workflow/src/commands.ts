/** What one line of a step's output means. Everything but `output` is a workflow command and not shown as it stands. */
export type CommandEvent =
  | { kind: 'output'; text: string }
  | { kind: 'group'; title: string }
  | { kind: 'endgroup' }
  | ({ kind: 'annotation'; level: 'error' | 'warning' | 'notice'; message: string } & AnnotationPlace)
  | { kind: 'debug'; message: string }
  /** To be given to the masker before anything else is written; never shown. */
  | { kind: 'add-mask'; value: string }
  /** Commands are plain output from here until the token comes back. The token itself should be masked. */
  | { kind: 'stop-commands'; token: string }
  | { kind: 'resume-commands' }
  /** The old form of GITHUB_OUTPUT. GitHub announced its end but still takes it; `warning` says so. */
  | { kind: 'set-output'; name: string; value: string; warning: string }
  | { kind: 'save-state'; name: string; value: string; warning: string }
  | { kind: 'echo'; on: boolean }
  /** Regular expressions that make annotations of output: https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md. */
  | { kind: 'add-matcher'; file: string }
  | { kind: 'remove-matcher'; named: { owner: string } | { file: string } }
  /** A command without effect here, with a sentence to show. */
  | { kind: 'ignored'; command: string; message: string }
  /** A command that cannot be obeyed; as on GitHub the step fails. */
  | { kind: 'refused'; command: string; message: string }

interface AnnotationPlace {
  file?: string
  line?: number
  endLine?: number
  column?: number
  endColumn?: number
  title?: string
}

const names = new Set([
  'group',
  'endgroup',
  'error',
  'warning',
  'notice',
  'debug',
  'add-mask',
  'stop-commands',
  'set-output',
  'save-state',
  'echo',
  'add-matcher',
  'remove-matcher',
  'set-env',
  'add-path',
])

/** A command longer than this is output: nothing sensible is, and a line may have 50 MB. */
const maxCommandLength = 1024 * 1024

/**
 * Reads the lines of one step. It keeps the state of `::stop-commands::` and so must see every line in order, without
 * its line break. Written `::name key=value,key=value::data`, or in the older form `##[name key=value;…]data`.
 */
export class CommandParser {
  #stopToken: string | null = null

  push(line: string): CommandEvent {
    const command = line.length <= maxCommandLength ? parseCommand(line, this.#isCommand) : null
    if (!command) return { kind: 'output', text: line }
    if (this.#stopToken !== null) {
      if (command.name !== this.#stopToken) return { kind: 'output', text: line }
      this.#stopToken = null
      return { kind: 'resume-commands' }
    }
    return this.#obey(command)
  }

  readonly #isCommand = (name: string) => names.has(name) || name === this.#stopToken

  #obey({ name, properties, data }: Command): CommandEvent {
    switch (name) {
      case 'group':
        return { kind: 'group', title: data }
      case 'endgroup':
        return { kind: 'endgroup' }
      case 'error':
      case 'warning':
      case 'notice':
        return { kind: 'annotation', level: name, message: data, ...placeOf(properties) }
      case 'debug':
        return { kind: 'debug', message: data }
      case 'add-mask':
        if (data.trim() !== '') return { kind: 'add-mask', value: data }
        return { kind: 'ignored', command: name, message: '::add-mask:: was given nothing to mask.' }
      case 'stop-commands':
        return this.#stop(data)
      case 'set-output':
      case 'save-state':
        return setValue(name, properties.get('name') ?? '', data)
      case 'echo':
        return echo(data)
      case 'add-matcher':
        if (data.trim() !== '') return { kind: 'add-matcher', file: data.trim() }
        return { kind: 'ignored', command: name, message: '::add-matcher:: names no file.' }
      case 'remove-matcher':
        return removeMatcher(properties.get('owner') ?? '', data.trim())
      default:
        return {
          kind: 'refused',
          command: name,
          message: `::${name}:: is no longer allowed, on GitHub neither; write to the file in $${name === 'set-env' ? 'GITHUB_ENV' : 'GITHUB_PATH'}.`,
        }
    }
  }

  #stop(token: string): CommandEvent {
    if (token === '' || names.has(token.toLowerCase()) || token.toLowerCase() === 'pause-logging' || /\s/.test(token)) {
      const message = '::stop-commands:: needs a token that is no command, for example a random text.'
      return { kind: 'refused', command: 'stop-commands', message }
    }
    this.#stopToken = token.toLowerCase()
    return { kind: 'stop-commands', token }
  }
}

function removeMatcher(owner: string, file: string): CommandEvent {
  if (owner !== '') return { kind: 'remove-matcher', named: { owner } }
  if (file !== '') return { kind: 'remove-matcher', named: { file } }
  const message = '::remove-matcher:: names neither an owner nor a file.'
  return { kind: 'ignored', command: 'remove-matcher', message }
}

interface Command {
  /** In lower case. */
  name: string
  properties: Map<string, string>
  data: string
}

function parseCommand(line: string, isCommand: (name: string) => boolean): Command | null {
  const start = firstNonSpace(line)
  if (line.startsWith('::', start)) {
    const end = line.indexOf('::', start + 2)
    const info = end < 0 ? null : readInfo(line.slice(start + 2, end), ',', isCommand)
    if (info) return { ...info, data: undo(line.slice(end + 2), dataEscapes) }
  }
  const old = line.slice(0, 4096).indexOf('##[')
  const end = old < 0 ? -1 : line.indexOf(']', old)
  const info = end < 0 ? null : readInfo(line.slice(old + 3, end), ';', isCommand)
  return info && { ...info, data: undo(line.slice(end + 1), oldEscapes) }
}

function firstNonSpace(line: string): number {
  let index = 0
  while (index < line.length && /\s/.test(line[index]!)) index++
  return index
}

function readInfo(
  info: string,
  separator: ',' | ';',
  isCommand: (name: string) => boolean,
): Omit<Command, 'data'> | null {
  const space = info.indexOf(' ')
  const name = (space < 0 ? info : info.slice(0, space)).toLowerCase()
  if (!isCommand(name)) return null
  const properties = new Map<string, string>()
  if (space < 0) return { name, properties }
  for (const part of info
    .slice(space + 1)
    .trim()
    .split(separator)) {
    const equals = part.indexOf('=')
    if (equals <= 0 || equals === part.length - 1) continue
    const escapes = separator === ',' ? propertyEscapes : oldEscapes
    properties.set(part.slice(0, equals).trim().toLowerCase(), undo(part.slice(equals + 1), escapes))
  }
  return { name, properties }
}

// The percent sign comes last, so that %250A is the text "%0A" and not a line break.
const dataEscapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%25', '%'],
] as const
const propertyEscapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%3A', ':'],
  ['%2C', ','],
  ['%25', '%'],
] as const
const oldEscapes = [
  ['%3B', ';'],
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%5D', ']'],
  ['%25', '%'],
] as const

function undo(text: string, escapes: readonly (readonly [string, string])[]): string {
  if (!text.includes('%')) return text
  return escapes.reduce((result, [from, to]) => result.replaceAll(from, to), text)
}

function placeOf(properties: Map<string, string>): AnnotationPlace {
  const number = (name: string) => {
    const text = properties.get(name)
    return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
  }
  const file = properties.get('file')
  const title = properties.get('title')
  const endLine = number('endline')
  const line = number('line') ?? endLine
  // Columns say something only within one line, and an end before the beginning says nothing.
  const oneLine = line !== undefined && (endLine === undefined || endLine === line)
  const endColumn = oneLine ? number('endcolumn') : undefined
  const column = oneLine ? (number('col') ?? endColumn) : undefined
  return {
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
    ...(endLine !== undefined && endLine >= line! && { endLine }),
    ...(column !== undefined && { column }),
    ...(endColumn !== undefined && endColumn >= column! && { endColumn }),
    ...(title !== undefined && { title }),
  }
}

function setValue(kind: 'set-output' | 'save-state', name: string, value: string): CommandEvent {
  const file = kind === 'set-output' ? 'GITHUB_OUTPUT' : 'GITHUB_STATE'
  if (name === '')
    return { kind: 'refused', command: kind, message: `::${kind}:: needs a name: ::${kind} name=…::value` }
  return { kind, name, value, warning: `::${kind}:: is deprecated; write "${name}=…" to the file in $${file}.` }
}

function echo(data: string): CommandEvent {
  const word = data.trim().toLowerCase()
  if (word === 'on' || word === 'off') return { kind: 'echo', on: word === 'on' }
  return { kind: 'refused', command: 'echo', message: '::echo:: takes on or off.' }
}
