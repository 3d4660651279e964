import type { DeploymentStatus, Snapshot, Stages, WaitsFor, Why } from './contract.ts'
import type { Move } from './status.ts'
import {
  endOf,
  failureOf,
  type InstanceFacts,
  isBroken,
  isSick,
  isVerified,
  migration,
  names,
  type Place,
  placesOf,
  readable,
  routedHostnames,
  whyBroken,
} from './version.ts'

export interface RouteFacts {
  id: string
  hostname: string
  isDefault: boolean
  generation: number
  servingDeploymentId: string | null
  observedGeneration: number | null
  observedServingId: string | null
  isDrained: boolean
  soakDeploymentId: string | null
  soakState: 'running' | 'passed' | 'failed' | null
  soakReason: string | null
}

/** A version that is, or was, on the host. */
export interface Version {
  id: string
  number: number
  snapshot: Snapshot
  instances: InstanceFacts[]
}

export interface Facts {
  /** Milliseconds since the epoch. */
  now: number
  deployment: Version & {
    status: DeploymentStatus
    stages: Stages
    /** Null: nobody asked to cancel it. */
    cancelReason: string | null
  }
  /** The one that must end before this one may begin. */
  ahead: { number: number; status: DeploymentStatus } | null
  agent: { host: string; isConnected: boolean; lastSeenAt: string | null }
  bundle: { kind: 'unknown' } | { kind: 'present' } | { kind: 'unusable'; why: string }
  /** Hostnames that this one wants and another environment has. */
  takenHostnames: string[]
  /** What serves, and what a failure returns to. */
  replaced: Version | null
  /** All of the environment. */
  routes: RouteFacts[]
}

/** A change of what is asked of the host. */
export type Edit =
  | { kind: 'add routes'; hostnames: string[] }
  | { kind: 'drop routes'; ids: string[] }
  | { kind: 'route'; id: string; serving: string | null; standby: string | null; isSoaking: boolean }
  | { kind: 'add instances'; places: Place[] }
  | { kind: 'want'; ids: string[]; want: 'stopped' | 'gone' }
  /** New processes in the places of these, which were stopped to make room. */
  | { kind: 'revive'; ids: string[] }
  /** Stops whatever else still runs in the environment. */
  | { kind: 'stop others' }

/** Why, as a sentence and for other languages; the last lines of the instance it blames explain it. */
export interface Because {
  reason: string
  why: Why
}

export type Decision =
  | { kind: 'move'; move: Move; because?: Because; edits: Edit[] }
  | { kind: 'edit'; edits: Edit[] }
  | { kind: 'check bundle' }
  /** Nothing to do until something is observed, or until `dueAt`. */
  | { kind: 'rest'; waitsFor: WaitsFor; dueAt: number | null }

/** The agent says when a drain is over; should it never, the deployment goes on so long after the drain's own limit. */
const drainSlackMs = 5_000

/** What comes next for a deployment, from all that is known about it. Pure: the same facts, the same decision. */
export function decide(facts: Facts): Decision {
  switch (facts.deployment.status) {
    case 'queued':
      return inLine(facts) ?? move('admit')
    case 'waiting':
      return inLine(facts) ?? move('prepare')
    case 'preparing':
      return beforeSwitch(facts) ?? prepare(facts)
    case 'migrating':
      return beforeSwitch(facts) ?? migrate(facts)
    case 'rolling_out':
      return beforeSwitch(facts) ?? rollOut(facts)
    case 'verifying':
      return beforeSwitch(facts) ?? verify(facts)
    case 'switching':
      return afterSwitch(facts) ?? finishSwitch(facts)
    case 'soaking':
      return afterSwitch(facts) ?? soak(facts)
    case 'rolling_back':
      return rollBack(facts)
    default:
      return rest({ what: 'nothing: it is over', endedBy: 'a new deployment', key: 'over', details: {} })
  }
}

const move = (name: Move, edits: Edit[] = []): Decision => ({ kind: 'move', move: name, edits })
const rest = (waitsFor: WaitsFor, dueAt: number | null = null): Decision => ({ kind: 'rest', waitsFor, dueAt })

function inLine({ deployment, ahead }: Facts): Decision | null {
  if (deployment.cancelReason !== null)
    return { kind: 'move', move: 'cancel', because: canceled(deployment.cancelReason), edits: [] }
  if (!ahead) return null
  return rest({
    what: `deployment #${ahead.number}, which is ${readable(ahead.status)}`,
    endedBy: `the end of deployment #${ahead.number}, by itself or when someone cancels it`,
    key: 'ahead',
    details: { number: ahead.number, status: ahead.status },
  })
}

function beforeSwitch(facts: Facts): Decision | null {
  const { deployment } = facts
  if (deployment.cancelReason !== null)
    return { kind: 'move', move: 'cancel', because: canceled(deployment.cancelReason), edits: withdraw(facts) }
  const broken = deployment.instances.find((one) => one.want === 'running' && isBroken(one, deployment.snapshot))
  return broken ? fail(facts, brokenBy(broken)) : null
}

const fail = (facts: Facts, because: Because): Decision => ({
  kind: 'move',
  move: 'fail',
  because,
  edits: withdraw(facts),
})

const byWhom = 'canceled by '
/** As it is kept with the row until it takes effect. */
export const cancelSentence = (name: string): string => `${byWhom}${name}`
const canceled = (reason: string): Because => ({
  reason,
  why: why('canceled', { by: reason.startsWith(byWhom) ? reason.slice(byWhom.length) : reason }),
})

const why = (key: Why['key'], details: Why['details'] = {}, instanceId: string | null = null): Why => ({
  key,
  details,
  instanceId,
})

const brokenBy = (one: InstanceFacts): Because => ({
  reason: whyBroken(one),
  why: why('instance_failed', failureOf(one), one.id),
})

function prepare(facts: Facts): Decision {
  const { deployment, bundle, takenHostnames, routes } = facts
  const [taken] = takenHostnames
  if (taken) {
    return fail(facts, {
      reason: `the hostname ${taken} belongs to another environment: take it out of x-juanie.routes`,
      why: why('hostname_taken', { hostname: taken }),
    })
  }
  if (bundle.kind === 'unknown') return { kind: 'check bundle' }
  if (bundle.kind === 'unusable') {
    return fail(facts, { reason: bundle.why, why: why('bundle', { digest: deployment.snapshot.bundle }) })
  }
  const known = new Set(routes.map(({ hostname }) => hostname))
  const missing = [...routedHostnames(deployment.snapshot).keys()].filter((hostname) => !known.has(hostname))
  if (missing.length > 0) return { kind: 'edit', edits: [{ kind: 'add routes', hostnames: missing }] }
  const task = migration(deployment.snapshot)
  return move('migrate', task ? [{ kind: 'add instances', places: [task] }] : [])
}

function migrate(facts: Facts): Decision {
  const { deployment, replaced, agent } = facts
  const isStopFirst = deployment.snapshot.application.order === 'stop-first'
  const tasks = deployment.instances.filter((one) => one.kind === 'task')
  const edits: Edit[] = []
  if (migration(deployment.snapshot)) {
    const [task] = tasks
    if (task?.state === 'failed') {
      const reason = `the migration failed: ${endOf(task)}`
      return fail(facts, { reason, why: why('migration_failed', failureOf(task), task.id) })
    }
    if (task?.state !== 'succeeded') {
      const endedBy = 'its end, its time limit, or a cancel'
      return offline(agent) ?? rest({ what: 'the migration', endedBy, key: 'migration', details: {} })
    }
    edits.push({ kind: 'want', ids: [task.id], want: 'gone' })
  }
  // Two versions that cannot live together: the new one is started when the old one has ended.
  if (isStopFirst && replaced) edits.push(...want(replaced.instances, 'running', 'stopped'))
  else edits.push({ kind: 'add instances', places: placesOf(deployment.snapshot) })
  return move('roll_out', edits)
}

function rollOut(facts: Facts): Decision {
  const { deployment, replaced, agent } = facts
  const own = deployment.instances.filter((one) => one.kind === 'instance')
  const places = placesOf(deployment.snapshot)
  if (own.length < places.length) {
    const left = (replaced?.instances ?? []).filter((one) => one.want === 'stopped' && one.state !== 'stopped')
    if (left.length > 0)
      return (
        offline(agent) ??
        rest({
          what: `the end of ${names(left)}`,
          endedBy: 'its stop or its grace period',
          key: 'old_end',
          details: { instances: names(left) },
        })
      )
    return { kind: 'edit', edits: [{ kind: 'add instances', places }] }
  }
  const unborn = own.filter((one) => one.state === 'waiting' || one.state === 'fetching')
  if (unborn.length === 0) return move('verify')
  return (
    offline(agent) ??
    rest({
      what: `the start of ${names(unborn)}`,
      endedBy: 'its start, its limit, or a cancel',
      key: 'start',
      details: { instances: names(unborn) },
    })
  )
}

function verify(facts: Facts): Decision {
  const { deployment, agent } = facts
  const own = deployment.instances.filter((one) => one.kind === 'instance')
  const unproven = own.filter((one) => !isVerified(one, deployment.snapshot))
  if (unproven.length > 0) {
    const [first] = unproven as [InstanceFacts]
    const what = `good probes of ${names(unproven)}${first.reason ? ` (${first.reason})` : ''}`
    const details = { instances: names(unproven), detail: first.reason }
    return offline(agent) ?? rest({ what, endedBy: 'its probes, its start limit, or a cancel', key: 'probes', details })
  }
  return move('switch', switchEdits(facts))
}

function switchEdits({ deployment, replaced, routes }: Facts): Edit[] {
  const own = routedHostnames(deployment.snapshot)
  const before = replaced ? routedHostnames(replaced.snapshot) : new Map<string, string>()
  const canStandBy = deployment.snapshot.application.order === 'start-first'
  return routes.flatMap((route): Edit[] => {
    if (own.has(route.hostname)) {
      const standby = replaced && canStandBy && before.has(route.hostname) ? replaced.id : null
      return [{ kind: 'route', id: route.id, serving: deployment.id, standby, isSoaking: true }]
    }
    return route.servingDeploymentId === null ? [] : [routeTo(route, null)]
  })
}

const routeTo = (route: RouteFacts, serving: string | null): Edit => ({
  kind: 'route',
  id: route.id,
  serving,
  standby: null,
  isSoaking: false,
})

const isInForce = (route: RouteFacts): boolean =>
  route.observedGeneration !== null &&
  route.observedGeneration >= route.generation &&
  route.observedServingId === route.servingDeploymentId

function afterSwitch(facts: Facts): Decision | null {
  const { deployment, routes } = facts
  if (deployment.cancelReason !== null) return leave(facts, canceled(deployment.cancelReason))
  const failed = routes.find((route) => route.soakState === 'failed' && route.soakDeploymentId === deployment.id)
  if (!failed) return null
  const service = routedHostnames(deployment.snapshot).get(failed.hostname)
  const own = deployment.instances.filter((one) => one.kind === 'instance' && one.service === service)
  const one = own.find((each) => isSick(each, deployment.snapshot)) ?? own[0]
  return leave(facts, {
    reason: failed.soakReason ?? `${failed.hostname} became unhealthy in its soak`,
    why: why('soak_failed', { hostname: failed.hostname, detail: failed.soakReason }, one?.id),
  })
}

/** Away from a version that got the traffic: back to the one before, or to a page that says that nothing serves. */
function leave(facts: Facts, because: Because): Decision {
  const { replaced, routes } = facts
  if (!replaced) {
    const edits = routes.filter((route) => route.servingDeploymentId !== null).map((route) => routeTo(route, null))
    return { kind: 'move', move: 'fail', because, edits: [...edits, ...withdraw(facts)] }
  }
  const covered = routedHostnames(replaced.snapshot)
  const edits: Edit[] = routes.map((route) => routeTo(route, covered.has(route.hostname) ? replaced.id : null))
  edits.push(...revive(replaced))
  return { kind: 'move', move: 'roll_back', because, edits }
}

function finishSwitch({ deployment, routes, agent }: Facts): Decision {
  const late = routes.filter((route) => !isInForce(route))
  if (late.length === 0) return move('soak')
  const what = `the edge, which is to serve #${deployment.number} at ${late.map(({ hostname }) => hostname).join(', ')}`
  const details = { number: deployment.number, hostnames: late.map(({ hostname }) => hostname).join(', ') }
  return (
    offline(agent) ?? rest({ what, endedBy: 'the agent, which moves the route, or a cancel', key: 'edge', details })
  )
}

function soak(facts: Facts): Decision {
  const { deployment, routes, agent, now } = facts
  const { snapshot } = deployment
  const since = deployment.stages.soaking ?? now
  const own = routedHostnames(snapshot)
  const ownRoutes = routes.filter((route) => own.has(route.hostname))
  const judged = new Set(ownRoutes.map((route) => own.get(route.hostname)))
  // The agent judges what has a route; the rest is judged here, by the same evidence.
  const sick = deployment.instances.find(
    (one) => one.kind === 'instance' && one.want === 'running' && !judged.has(one.service) && isSick(one, snapshot),
  )
  if (sick) return leave(facts, brokenBy(sick))
  if (ownRoutes.length === 0) {
    if (now >= since + snapshot.soakMs) return succeed(facts)
    return rest(soakWait('soak'), since + snapshot.soakMs)
  }
  const isPassed = ownRoutes.every((route) => route.soakState === 'passed' && route.soakDeploymentId === deployment.id)
  const drainedBy = since + snapshot.drainMs + drainSlackMs
  const isDrained = ownRoutes.every((route) => route.isDrained) || now >= drainedBy
  if (isPassed && isDrained) return succeed(facts)
  return offline(agent) ?? rest(soakWait(isPassed ? 'drain' : 'soak'), drainedBy)
}

const soakWait = (key: 'soak' | 'drain'): WaitsFor => ({
  what: key === 'drain' ? 'the last requests of the version before' : 'the end of its soak',
  endedBy: 'time, a failure, or a cancel',
  key,
  details: {},
})

function succeed({ deployment, routes }: Facts): Decision {
  const own = routedHostnames(deployment.snapshot)
  const edits: Edit[] = routes.filter((route) => own.has(route.hostname)).map((route) => routeTo(route, deployment.id))
  const orphans = routes.filter((route) => !route.isDefault && !own.has(route.hostname))
  if (orphans.length > 0) edits.push({ kind: 'drop routes', ids: orphans.map(({ id }) => id) })
  return move('succeed', [...edits, { kind: 'stop others' }])
}

function rollBack(facts: Facts): Decision {
  const { deployment, replaced, routes, agent } = facts
  const stop = withdraw(facts)
  if (!replaced) {
    const because = { reason: 'the version that served before is gone', why: why('old_gone') }
    return { kind: 'move', move: 'give_up', because, edits: stop }
  }
  // The agent may have moved the route by itself, under the generation of the switch.
  const isBack = (route: RouteFacts) =>
    isInForce(route) ||
    (route.observedServingId === route.servingDeploymentId &&
      route.soakState === 'failed' &&
      route.soakDeploymentId === deployment.id)
  const late = routes.filter((route) => !isBack(route))
  if (late.length > 0) {
    const what = `the edge, which is to serve #${replaced.number} again`
    const details = { number: replaced.number }
    return offline(agent) ?? rest({ what, endedBy: 'the agent, which moves the route', key: 'edge_back', details })
  }
  const routed = new Set(routedHostnames(replaced.snapshot).values())
  for (const service of routed) {
    const all = replaced.instances.filter((one) => one.kind === 'instance' && one.service === service)
    if (all.some((one) => one.state === 'healthy')) continue
    const dead = all.every((one) => ['failed', 'completed'].includes(one.state))
    const { number } = replaced
    if (!dead) {
      const what = `#${number} to be healthy again`
      return offline(agent) ?? rest({ what, endedBy: 'its probes', key: 'healthy_again', details: { number } })
    }
    const [first] = all
    const cause = first ? whyBroken(first) : `it has no instance of ${service}`
    const because = {
      reason: `#${number} does not serve either: ${cause}`,
      why: why('old_failed', { number, ...(first && failureOf(first)) }, first?.id),
    }
    return { kind: 'move', move: 'give_up', because, edits: stop }
  }
  return move('return', stop)
}

/** Takes the new version off its host; with stop-first the old one, which was stopped for it, comes back. */
function withdraw({ deployment, replaced, routes }: Facts): Edit[] {
  const edits: Edit[] = [
    ...want(
      deployment.instances.filter((one) => one.kind === 'instance'),
      'running',
      'stopped',
    ),
    ...want(
      deployment.instances.filter((one) => one.kind === 'task'),
      'running',
      'gone',
    ),
  ]
  if (replaced && revive(replaced).length > 0) {
    edits.push(...revive(replaced))
    // The same version under new instances is another route for the agent.
    for (const route of routes) if (route.servingDeploymentId === replaced.id) edits.push(routeTo(route, replaced.id))
  }
  const kept = replaced ? routedHostnames(replaced.snapshot) : new Map<string, string>()
  const orphans = routes.filter((route) => !route.isDefault && !kept.has(route.hostname))
  if (orphans.length > 0) edits.push({ kind: 'drop routes', ids: orphans.map(({ id }) => id) })
  return edits
}

function revive({ instances }: Version): Edit[] {
  const ids = instances.filter((one) => one.want === 'stopped' && one.kind === 'instance').map(({ id }) => id)
  return ids.length === 0 ? [] : [{ kind: 'revive', ids }]
}

function want(instances: InstanceFacts[], from: 'running' | 'stopped', to: 'stopped' | 'gone'): Edit[] {
  const ids = instances.filter((one) => one.want === from).map(({ id }) => id)
  return ids.length === 0 ? [] : [{ kind: 'want', ids, want: to }]
}

function offline({ host, isConnected, lastSeenAt }: Facts['agent']): Decision | null {
  if (isConnected) return null
  const since = lastSeenAt === null ? 'which was never heard of' : `last heard of at ${lastSeenAt}`
  return rest({
    what: `the agent of host ${host}, ${since}`,
    endedBy: `starting it on ${host}: juanie agent`,
    key: 'agent',
    details: { host, lastSeenAt },
  })
}
