import { type Database, maybeOne } from '@juanie/core/database'
import { notFound } from '@juanie/core/errors'
import { isUuid } from '@juanie/core/ids'
import { addLatencies, type LatencyCounts, latencyAt } from '@juanie/core/latency'
import type { ProjectScope } from '@juanie/core/scope'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { type ReadTraffic, type TrafficCounts, type TrafficSeries, trafficMinutes } from '../environments/contract.ts'
import { environments } from '../environments/tables.ts'
import type { TrafficMinute } from '../hosts/contract.ts'
import { routeMinutes, routes } from './tables.ts'

const batch = 1_000
const mostBatches = 200
const mostHostnames = 100
/** A host whose clock is ahead of the database's by more than this is not believed. */
const aheadMinutes = 60
const minuteMs = 60_000

/** What the edges count, by environment and minute. */
export class Traffic {
  readonly #db: Database

  constructor(parts: { db: Database }) {
    this.#db = parts.db
  }

  /**
   * Takes what an agent says of its host's hostnames. Every minute is a row by who counted it, so the same words once
   * more change nothing, and earlier words that arrive late neither. What belongs to another host's environment, or is
   * older than anybody may ask for, is dropped.
   */
  async store(agent: { hostId: string }, minutes: readonly TrafficMinute[]): Promise<void> {
    if (minutes.length === 0) return
    const told = minutes.map((one) => ({ ...one, known: knownBy(one) }))
    await this.#db.execute(sql`
      insert into ${routeMinutes} (environment_id, minute, hostname, source, requests, statuses, broken, aborted,
                                   unavailable, latency, is_cut, known)
      select distinct on (r.environment_id, t.minute, t.hostname, t.source)
             r.environment_id, to_timestamp(t.minute * 60.0), t.hostname, t.source, t.requests, t.statuses, t.broken,
             t.aborted, t.unavailable, t.latency, t."isCut", t.known
        from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as t(
               source uuid, hostname text, minute bigint, requests int, statuses int[], broken int, aborted int,
               unavailable int, latency jsonb, "isCut" boolean, known bigint)
        join ${routes} r on r.hostname = t.hostname
        join ${environments} e on e.id = r.environment_id and e.host_id = ${agent.hostId}
       where to_timestamp(t.minute * 60.0) between now() - ${`${trafficMinutes} minutes`}::interval
                                               and now() + ${`${aheadMinutes} minutes`}::interval
         -- What another environment had under this hostname is none of this one's.
         and to_timestamp((t.minute + 1) * 60.0) > r.created_at
       order by r.environment_id, t.minute, t.hostname, t.source, t.known desc
      on conflict (environment_id, minute, hostname, source) do update set
        requests = excluded.requests, statuses = excluded.statuses, broken = excluded.broken,
        aborted = excluded.aborted, unavailable = excluded.unavailable, latency = excluded.latency,
        is_cut = excluded.is_cut or route_minutes.is_cut, known = excluded.known
      where excluded.known >= route_minutes.known`)
  }

  /** A fixed series: times without requests are zeros, so that readers need not look for holes. */
  async read(scope: ProjectScope, { environment: key, minutes, hostname }: ReadTraffic): Promise<TrafficSeries> {
    const environment = await maybeOne(
      this.#db
        .select({ id: environments.id })
        .from(environments)
        .where(
          and(
            eq(environments.projectId, scope.projectId),
            isUuid(key) ? eq(environments.id, key) : eq(environments.name, key),
            isNull(environments.deletedAt),
          ),
        ),
    )
    if (!environment) throw notFound('environment')
    const stepMinutes = minutes <= 120 ? 1 : minutes <= 600 ? 5 : 15
    const count = Math.ceil(minutes / stepMinutes)
    const { rows } = await this.#db.execute<Group>(sql`
      with bounds as (
        select floor(extract(epoch from now()) / 60 / ${stepMinutes}::int)::bigint as last)
      select bounds.last, m.hostname, floor(extract(epoch from m.minute) / 60 / ${stepMinutes}::int)::bigint as step,
             sum(m.requests) as requests, sum(m.statuses[1]) as s1, sum(m.statuses[2]) as s2, sum(m.statuses[3]) as s3,
             sum(m.statuses[4]) as s4, sum(m.statuses[5]) as s5, sum(m.broken) as broken, sum(m.aborted) as aborted,
             sum(m.unavailable) as unavailable, json_agg(m.latency) as latencies, bool_or(m.is_cut) as is_cut
        from bounds left join ${routeMinutes} m
          on m.environment_id = ${environment.id}
         and m.minute >= to_timestamp((bounds.last - ${count - 1}::int) * ${stepMinutes}::int * 60.0)
         and m.minute < to_timestamp((bounds.last + 1) * ${stepMinutes}::int * 60.0)
       group by 1, 2, 3`)
    const last = Number(rows[0]!.last)
    const found = rows.filter((row): row is Group & { hostname: string } => row.hostname !== null)
    const shown = found.filter((row) => hostname === undefined || row.hostname === hostname)
    const bySteps = grouped(shown, ({ step }) => Number(step))
    return {
      stepMinutes,
      points: Array.from({ length: count }, (_, i) => {
        const step = last - count + 1 + i
        return { at: new Date(step * stepMinutes * minuteMs).toISOString(), ...together(bySteps.get(step) ?? []) }
      }),
      total: together(shown),
      hostnames: [...grouped(found, (row) => row.hostname)]
        .map(([name, all]) => ({ hostname: name, requests: together(all).requests }))
        .sort((a, b) => b.requests - a.requests)
        .slice(0, mostHostnames),
    }
  }

  /** Removes what nobody may ask for any more, in small steps; answers how many rows. */
  async clean(): Promise<number> {
    let removed = 0
    for (let round = 0; round < mostBatches; round++) {
      const gone = await this.#db.execute<{ hostname: string }>(sql`
        delete from ${routeMinutes} where ctid = any(array(
          select ctid from ${routeMinutes}
           where minute < now() - ${`${trafficMinutes} minutes`}::interval limit ${batch}))
        returning hostname`)
      removed += gone.rows.length
      if (gone.rows.length < batch) break
    }
    return removed
  }
}

interface Group extends Record<string, unknown> {
  last: string
  hostname: string | null
  step: string
  requests: string
  s1: string
  s2: string
  s3: string
  s4: string
  s5: string
  broken: string
  aborted: string
  unavailable: string
  latencies: LatencyCounts[]
  is_cut: boolean
}

const knownBy = ({ requests, statuses, broken, aborted, unavailable, latency }: TrafficMinute): number =>
  [requests, ...statuses, broken, aborted, unavailable, ...latency.map(([, count]) => count)].reduce((a, b) => a + b, 0)

function grouped<T, K>(rows: T[], keyOf: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return groups
}

function together(groups: Group[]): TrafficCounts {
  const sum = (value: (group: Group) => string) => groups.reduce((total, group) => total + Number(value(group)), 0)
  const latency = addLatencies(groups.flatMap(({ latencies }) => latencies))
  return {
    requests: sum((group) => group.requests),
    statuses: [
      sum((group) => group.s1),
      sum((group) => group.s2),
      sum((group) => group.s3),
      sum((group) => group.s4),
      sum((group) => group.s5),
    ],
    broken: sum((group) => group.broken),
    aborted: sum((group) => group.aborted),
    unavailable: sum((group) => group.unavailable),
    p50: latencyAt(0.5, latency),
    p95: latencyAt(0.95, latency),
    p99: latencyAt(0.99, latency),
    isCut: groups.some(({ is_cut }) => is_cut),
  }
}
