import type { Change, Snapshot } from './contract.ts'
import { canonical } from './snapshot.ts'

const longest = 200

/** What differs between two snapshots, by path, for people. Secrets show their versions. */
export function changesBetween(before: Snapshot | null, after: Snapshot): Change[] {
  const from = before === null ? new Map<string, string>() : flatten(before)
  const to = flatten(after)
  const paths = [...new Set([...from.keys(), ...to.keys()])].sort()
  return paths.flatMap((path) => {
    const change = { path, from: from.get(path) ?? null, to: to.get(path) ?? null }
    return change.from === change.to ? [] : [change]
  })
}

function flatten(snapshot: Snapshot): Map<string, string> {
  const { bundle, application, times, variables, secrets, hostname, soakMs, drainMs } = snapshot
  const flat = new Map<string, string>([
    ['bundle', bundle],
    ['hostname', hostname],
    ['soakMs', String(soakMs)],
    ['drainMs', String(drainMs)],
    ['order', application.order],
  ])
  for (const [name, value] of Object.entries(variables)) flat.set(`variables.${name}`, short(value))
  for (const { name, version } of secrets) flat.set(`secrets.${name}`, `version ${version}`)
  for (const { hostname: name, service } of application.routes) flat.set(`routes.${name}`, service)
  if (application.migrate) flat.set('migrate', short(application.migrate.command))
  for (const { name, environment, ...service } of application.services) {
    for (const [key, value] of Object.entries(service)) flat.set(`services.${name}.${key}`, short(value))
    for (const [key, value] of Object.entries(environment))
      flat.set(`services.${name}.environment.${key}`, short(value))
    for (const [key, value] of Object.entries(times[name] ?? {}))
      flat.set(`services.${name}.times.${key}`, short(value))
  }
  return flat
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : canonical(value ?? null)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
