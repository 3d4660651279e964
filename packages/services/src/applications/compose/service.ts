import type { NotHonoured, restartPolicies } from '../contract.ts'
import type { At } from '../problems.ts'
import { said } from '../sentences.ts'
import { splitWords } from '../words.ts'
import { deployKeys, serviceKeys } from './keys.ts'
import { asItems, asKeys, asKeyValues } from './merge.ts'
import { isNull, type MapNode, type Node } from './tree.ts'
import type { Values } from './values.ts'

/** One service in the long form: every setting in one shape, undefined where nothing was written. */
export interface ComposeService {
  name: string
  at: At
  image: string | undefined
  /** Null without `build`; else its folder, `.` when it is an address. */
  context: string | null
  /** Undefined keeps what there is; an empty list takes it away. */
  entrypoint: string[] | undefined
  command: string[] | undefined
  /** Null passes a variable on. */
  environment: Map<string, string | null>
  envFiles: { path: string; isRequired: boolean; isRaw: boolean; at: At }[]
  workingDirectory: string | undefined
  mounts: { source: string; target: string }[]
  dependsOn: Map<string, { condition: Condition; isRequired: boolean; at: At }>
  ports: number[]
  expose: number[]
  healthcheck: Healthcheck | undefined
  replicas: number | undefined
  isJob: boolean
  memoryBytes: number | undefined
  cpus: number | undefined
  stopSignal: string | undefined
  stopGraceMs: number | undefined
  restart: Restart | undefined
  maxRetries: number | undefined
  profiles: string[]
  isStopFirst: boolean
  xJuanie: Node | undefined
  notHonoured: NotHonoured[]
}

type Condition = 'started' | 'healthy' | 'completed'
type Restart = (typeof restartPolicies)[number]

export interface Healthcheck {
  at: At
  isDisabled: boolean
  /** As Compose has it: the first word is CMD, CMD-SHELL or NONE. */
  test: string[] | undefined
  intervalMs: number | undefined
  timeoutMs: number | undefined
  retries: number | undefined
  startPeriodMs: number | undefined
  startIntervalMs: number | undefined
}

const signals =
  /^(SIG)?(HUP|INT|QUIT|ILL|TRAP|ABRT|BUS|FPE|KILL|USR1|SEGV|USR2|PIPE|ALRM|TERM|CHLD|CONT|STOP|TSTP|TTIN|TTOU|URG|XCPU|XFSZ|VTALRM|PROF|WINCH|IO|PWR|SYS)$/
const signalNumbers: Record<string, string> = {
  1: 'HUP',
  2: 'INT',
  3: 'QUIT',
  6: 'ABRT',
  9: 'KILL',
  10: 'USR1',
  12: 'USR2',
  15: 'TERM',
}

export function readService(name: string, node: Node, values: Values): ComposeService | null {
  const path = `services.${name}`
  if (!/^[a-zA-Z0-9._-]+$/.test(name) || name.length > 63)
    values.wrong(node, said('serviceName', { name: name.slice(0, 80) }))
  const service = isNull(node) ? undefined : values.map(node, path)
  if (service === undefined) {
    if (isNull(node)) values.wrong(node, said('serviceEmpty', { path }))
    return null
  }
  values.only(service, path, Object.keys(serviceKeys))
  const get = (key: string): Node | undefined => service.entries.get(key)
  const deploy = readDeploy(service, path, values)
  const restart = readRestart(get('restart'), path, values)
  return {
    name,
    at: service.at,
    image: values.text(get('image'), `${path}.image`),
    context: readContext(get('build'), path, values),
    entrypoint: readCommand(get('entrypoint'), `${path}.entrypoint`, values),
    command: readCommand(get('command'), `${path}.command`, values),
    environment: readEnvironment(get('environment'), `${path}.environment`, values),
    envFiles: readEnvFiles(get('env_file'), `${path}.env_file`, values),
    workingDirectory: values.text(get('working_dir'), `${path}.working_dir`),
    mounts: readMounts(get('volumes')),
    dependsOn: readDependencies(service, path, values),
    ports: readPorts(get('ports'), `${path}.ports`, values),
    expose: readPorts(get('expose'), `${path}.expose`, values),
    healthcheck: readHealthcheck(get('healthcheck'), `${path}.healthcheck`, values),
    replicas: deploy.replicas ?? values.integer(get('scale'), `${path}.scale`, { min: 0, max: 100 }),
    isJob: deploy.isJob,
    memoryBytes: deploy.memoryBytes ?? values.bytes(get('mem_limit'), `${path}.mem_limit`),
    cpus: deploy.cpus ?? values.number(get('cpus'), `${path}.cpus`),
    stopSignal: readSignal(get('stop_signal'), `${path}.stop_signal`, values),
    stopGraceMs: values.duration(get('stop_grace_period'), `${path}.stop_grace_period`),
    restart: deploy.restart ?? restart.policy,
    maxRetries: deploy.restart === undefined ? restart.maxRetries : deploy.maxRetries,
    profiles: values.texts(get('profiles'), `${path}.profiles`).map(({ text }) => text),
    isStopFirst: deploy.isStopFirst,
    xJuanie: get('x-juanie'),
    notHonoured: [...unheard(service, path, serviceKeys), ...deploy.notHonoured],
  }
}

/** What is written and known, and changes nothing here. */
export function unheard(map: MapNode, path: string, keys: Record<string, string | null>): NotHonoured[] {
  const found: NotHonoured[] = []
  for (const [key, node] of map.entries) {
    const reason = keys[key]
    if (reason && !isNull(node)) found.push({ path: path === '' ? key : `${path}.${key}`, reason })
  }
  return found
}

function readContext(build: Node | undefined, path: string, values: Values): string | null {
  if (build === undefined || isNull(build)) return null
  const context = build.kind === 'map' ? build.entries.get('context') : build
  const text = values.text(context, `${path}.build.context`) ?? '.'
  return /^[a-z+]+:\/\/|^git@/.test(text) ? '.' : text
}

function readCommand(node: Node | undefined, path: string, values: Values): string[] | undefined {
  if (node === undefined || isNull(node)) return undefined
  // Not known yet, but there is one: any word stands for it.
  if (node.kind === 'scalar' && node.open) return ['open']
  if (node.kind === 'list') return values.texts(node, path).map(({ text }) => text)
  const line = values.text(node, path)
  if (line === undefined) return undefined
  const words = splitWords(line)
  if (words === null) return values.wrong(node, said('commandQuote', { path }))
  if (words.cutAt !== null)
    values.problems.warn({
      at: node.at,
      reason: 'application.command_cut',
      said: said('commandCut', { path, text: line.slice(words.cutAt).trim().slice(0, 40) }),
    })
  return words.argv
}

function readEnvironment(node: Node | undefined, path: string, values: Values): Map<string, string | null> {
  const environment = new Map<string, string | null>()
  if (node === undefined || isNull(node)) return environment
  if (node.kind === 'scalar') values.wrong(node, said('environmentForm', { path }))
  if (node.kind === 'list') for (const item of node.items) values.text(item, path)
  if (node.kind === 'scalar') return environment
  for (const [name, value] of asKeyValues(node).entries) {
    if (name === '' || name.includes('\0')) values.wrong(value, said('variableNoName', { path }))
    else if (value.kind !== 'scalar') values.wrong(value, said('variableSingle', { path: `${path}.${name}` }))
    else if (String(value.value).includes('\0')) values.wrong(value, said('variableNul', { path: `${path}.${name}` }))
    else environment.set(name, value.value === null ? null : String(value.value))
  }
  return environment
}

function readEnvFiles(node: Node | undefined, path: string, values: Values): ComposeService['envFiles'] {
  const files: ComposeService['envFiles'] = []
  for (const item of node === undefined ? [] : asItems(node)) {
    const long = item.kind === 'map' ? item : null
    if (long !== null) values.only(long, path, ['path', 'required', 'format'])
    const file = values.text(long === null ? item : long.entries.get('path'), path)
    const format = values.text(long?.entries.get('format'), `${path}.format`)
    const isRequired = values.boolean(long?.entries.get('required'), `${path}.required`) ?? true
    if (format !== undefined && format !== 'raw') values.wrong(item, said('formatRaw', { path: `${path}.format` }))
    if (file !== undefined) files.push({ path: file, isRequired, isRaw: format === 'raw', at: item.at })
  }
  return files
}

/** Folders of the application that are mounted: they tell what an absolute `working_dir` means here. */
function readMounts(node: Node | undefined): ComposeService['mounts'] {
  const mounts: ComposeService['mounts'] = []
  for (const item of node === undefined ? [] : asItems(node)) {
    const entry = (key: string) => {
      const value = item.kind === 'map' ? item.entries.get(key) : undefined
      return value?.kind === 'scalar' ? String(value.value) : ''
    }
    const [source = '', target = ''] =
      item.kind === 'scalar'
        ? String(item.value).split(':')
        : entry('type') === 'bind'
          ? [entry('source'), entry('target')]
          : []
    if (source.startsWith('.') && target.startsWith('/')) mounts.push({ source, target })
  }
  return mounts
}

const conditions: Record<string, Condition> = {
  service_started: 'started',
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
}

function readDependencies(service: MapNode, path: string, values: Values): ComposeService['dependsOn'] {
  const dependencies: ComposeService['dependsOn'] = new Map()
  const dependsOn = service.entries.get('depends_on')
  if (dependsOn?.kind === 'list') values.texts(dependsOn, `${path}.depends_on`)
  else if (dependsOn !== undefined) values.map(dependsOn, `${path}.depends_on`)
  for (const [name, node] of dependsOn === undefined || dependsOn.kind === 'scalar' ? [] : asKeys(dependsOn).entries) {
    const entryPath = `${path}.depends_on.${name}`
    const entry = values.map(node, entryPath)
    if (entry !== undefined) values.only(entry, entryPath, ['condition', 'restart', 'required'])
    const written = values.text(entry?.entries.get('condition'), `${entryPath}.condition`)
    const condition = conditions[written ?? 'service_started']
    if (condition === undefined)
      values.wrong(node, said('oneOf', { path: `${entryPath}.condition`, known: Object.keys(conditions).join(', ') }))
    const isRequired = values.boolean(entry?.entries.get('required'), `${entryPath}.required`) ?? true
    dependencies.set(name, { condition: condition ?? 'started', isRequired, at: node.at })
  }
  for (const { text, node } of values.texts(service.entries.get('links'), `${path}.links`)) {
    const name = text.split(':')[0] as string
    if (!dependencies.has(name)) dependencies.set(name, { condition: 'started', isRequired: true, at: node.at })
  }
  return dependencies
}

/** The container side of each TCP port, in the order they are written. */
function readPorts(node: Node | undefined, path: string, values: Values): number[] {
  const ports = new Set<number>()
  for (const item of values.list(node, path)?.items ?? []) {
    if (item.kind === 'map') {
      const target = values.integer(item.entries.get('target'), `${path}.target`, { min: 1, max: 65_535 })
      const protocol = values.text(item.entries.get('protocol'), `${path}.protocol`) ?? 'tcp'
      if (!item.entries.has('target')) values.wrong(item, said('portTarget', { path }))
      if (target !== undefined && protocol === 'tcp') ports.add(target)
      continue
    }
    if (item.kind === 'list') values.wrong(item, said('portList', { path }))
    if (item.kind === 'list' || item.open || item.value === null) continue
    const short =
      /^(?:(?:(?:[\d.]+|\[[\da-fA-F:.]+\]|[\da-fA-F:]*::[\da-fA-F:]*):)?(?:\d*|\d+-\d+):)?(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(
        String(item.value),
      )
    const [from, to] = [Number(short?.[1]), Number(short?.[2] ?? short?.[1])]
    if (short === null || from < 1 || to > 65_535 || to < from) values.wrong(item, said('portForm', { path }))
    else if ((short[3] ?? 'tcp').toLowerCase() === 'tcp') ports.add(from)
  }
  return [...ports]
}

function readHealthcheck(node: Node | undefined, path: string, values: Values): Healthcheck | undefined {
  const check = values.map(node, path)
  if (check === undefined) return undefined
  values.only(check, path, ['test', 'disable', 'interval', 'timeout', 'retries', 'start_period', 'start_interval'])
  const get = (key: string): Node | undefined => check.entries.get(key)
  const written = get('test')
  let test: string[] | undefined
  if (written !== undefined && !isNull(written)) {
    const words = values.texts(written, `${path}.test`).map(({ text }) => text)
    test = written.kind === 'list' ? words : words.length === 0 ? undefined : ['CMD-SHELL', words[0] as string]
    const [kind, first] = test ?? []
    if (test !== undefined && kind !== undefined && !['CMD', 'CMD-SHELL', 'NONE'].includes(kind))
      values.wrong(written, said('testKind', { path: `${path}.test` }))
    else if (kind !== undefined && kind !== 'NONE' && (first === undefined || first === ''))
      values.wrong(written, said('testEmpty', { path: `${path}.test`, kind }))
    if (test?.length === 0) test = undefined
  }
  return {
    at: check.at,
    isDisabled: (values.boolean(get('disable'), `${path}.disable`) ?? false) || test?.[0] === 'NONE',
    test,
    intervalMs: values.duration(get('interval'), `${path}.interval`) || undefined,
    timeoutMs: values.duration(get('timeout'), `${path}.timeout`) || undefined,
    // Zero asks for the default, in Compose as well.
    retries: values.integer(get('retries'), `${path}.retries`, { min: 0, max: 1000 }) || undefined,
    startPeriodMs: values.duration(get('start_period'), `${path}.start_period`),
    startIntervalMs: values.duration(get('start_interval'), `${path}.start_interval`) || undefined,
  }
}

function readSignal(node: Node | undefined, path: string, values: Values): string | undefined {
  const text = values.text(node, path)
  if (node === undefined || text === undefined) return undefined
  const name = (signalNumbers[text] ?? text).toUpperCase()
  const found = signals.exec(name)
  return found === null ? values.wrong(node, said('signal', { path })) : `SIG${found[2]}`
}

function readRestart(node: Node | undefined, path: string, values: Values): { policy?: Restart; maxRetries?: number } {
  const text = values.text(node, `${path}.restart`)
  if (node === undefined || text === undefined) return {}
  const found = /^(?:(no|always|unless-stopped)|(on-failure)(?::(\d{1,6}))?)$/.exec(text)
  if (found === null) {
    values.wrong(node, said('restart', { path: `${path}.restart` }))
    return {}
  }
  const [, plain, onFailure, retries] = found
  const policy = (plain ?? onFailure) as Restart
  return retries === undefined ? { policy } : { policy, maxRetries: Number(retries) }
}

interface Deploy {
  replicas?: number
  isJob: boolean
  memoryBytes?: number
  cpus?: number
  restart?: Restart
  maxRetries?: number
  isStopFirst: boolean
  notHonoured: NotHonoured[]
}

const deployRestarts: Record<string, Restart> = { none: 'no', 'on-failure': 'on-failure', any: 'always' }

function readDeploy(service: MapNode, servicePath: string, values: Values): Deploy {
  const path = `${servicePath}.deploy`
  const deploy = values.map(service.entries.get('deploy'), path)
  if (deploy === undefined) return { isJob: false, isStopFirst: false, notHonoured: [] }
  values.only(deploy, path, Object.keys(deployKeys))
  const get = (key: string): MapNode | undefined => values.map(deploy.entries.get(key), `${path}.${key}`)

  const resources = get('resources')
  const limits = values.map(resources?.entries.get('limits'), `${path}.resources.limits`)
  if (limits !== undefined) values.only(limits, `${path}.resources.limits`, ['cpus', 'memory', 'pids'])
  const notHonoured = unheard(deploy, path, deployKeys)
  if (resources?.entries.has('reservations'))
    notHonoured.push({ path: `${path}.resources.reservations`, reason: 'only limits are kept' })
  if (limits?.entries.has('pids'))
    notHonoured.push({ path: `${path}.resources.limits.pids`, reason: 'only memory and CPU are limited' })

  const update = get('update_config')
  const order = values.text(update?.entries.get('order'), `${path}.update_config.order`)
  if (update !== undefined && order !== undefined && !['start-first', 'stop-first'].includes(order))
    values.wrong(update, said('updateOrder', { path: `${path}.update_config.order` }))
  for (const key of update?.entries.keys() ?? [])
    if (key !== 'order' && !key.startsWith('x-'))
      notHonoured.push({ path: `${path}.update_config.${key}`, reason: 'Juanie rolls all instances out at once' })

  const policy = get('restart_policy')
  const condition = values.text(policy?.entries.get('condition'), `${path}.restart_policy.condition`)
  const restart = condition === undefined ? undefined : deployRestarts[condition]
  if (condition !== undefined && restart === undefined)
    notHonoured.push({ path: `${path}.restart_policy.condition`, reason: 'it is none, on-failure or any' })
  for (const key of ['delay', 'window'])
    if (policy?.entries.has(key))
      notHonoured.push({ path: `${path}.restart_policy.${key}`, reason: 'restarts back off from 1 s to 60 s' })

  const attempts = values.integer(policy?.entries.get('max_attempts'), `${path}.restart_policy.max_attempts`, {
    min: 0,
    max: 999_999,
  })
  return {
    replicas: values.integer(deploy.entries.get('replicas'), `${path}.replicas`, { min: 0, max: 100 }),
    isJob: ['replicated-job', 'global-job'].includes(values.text(deploy.entries.get('mode'), `${path}.mode`) ?? ''),
    memoryBytes: values.bytes(limits?.entries.get('memory'), `${path}.resources.limits.memory`) || undefined,
    cpus: values.number(limits?.entries.get('cpus'), `${path}.resources.limits.cpus`) || undefined,
    restart,
    maxRetries: attempts,
    isStopFirst: order === 'stop-first',
    notHonoured,
  }
}
