import { type Database, maybeOne } from '@juanie/core/database'
import { type Contexts, evaluateTemplate, type JobInstance, strategyContext } from '@juanie/workflow'
import { and, desc, eq } from 'drizzle-orm'
import { secretsIn } from './mentions.ts'
import { latest, needsOf } from './plan.ts'
import { plannedOf } from './rows.ts'
import { jobs } from './tables.ts'

type Names = readonly string[] | 'all'
type Secrets = Record<string, string>

interface Asking {
  db: Database
  runId: string
  attempt: number
  /** What every job knows: `github`, `vars`, and the inputs of the run itself. */
  contexts: Contexts
  /** The run's own token, which needs no passing on. */
  token: string
  /** Opens secrets of the project. */
  open: (names: Names) => Promise<Secrets>
}

/**
 * The secrets that a job may see, by the names that it uses. A called job sees what its caller passes on: the secrets
 * that `secrets` lists, filled in where the caller stands, or with `inherit` all that the caller itself may see.
 */
export async function secretsOf(asking: Asking, instance: JobInstance, names: Names): Promise<Secrets> {
  if (names !== 'all' && names.length === 0) return {}
  if (!instance.called) return asking.open(names)
  const caller = await callerOf(asking, instance.called.caller)
  const call = caller?.instance?.job.call
  if (!caller?.instance || !call) return {}
  if (call.secrets === 'inherit') return secretsOf(asking, caller.instance, names)
  const passed = Object.entries(call.secrets).filter(
    ([name]) => names === 'all' || names.some((each) => each.toUpperCase() === name.toUpperCase()),
  )
  if (passed.length === 0) return {}
  const { matrix, strategy, called } = caller.instance
  const contexts: Contexts = {
    ...asking.contexts,
    ...(called && { inputs: called.inputs }),
    matrix,
    strategy: strategyContext(strategy),
    needs: await needsAt(asking, caller.needs),
    secrets: {
      ...(await secretsOf(asking, caller.instance, secretsIn(passed.map(([, text]) => text)))),
      GITHUB_TOKEN: asking.token,
    },
  }
  return Object.fromEntries(passed.map(([name, text]) => [name.toUpperCase(), evaluateTemplate(text, contexts)]))
}

/** The job that stands at a path, in its last repeat. */
function callerOf({ db, runId, attempt }: Asking, path: string) {
  const [, key = path, place] = /^(.*?)(?:#(\d+))?$/.exec(path) ?? []
  return maybeOne(
    db
      .select({ instance: jobs.instance, needs: jobs.needs })
      .from(jobs)
      .where(
        and(
          eq(jobs.runId, runId),
          eq(jobs.attempt, attempt),
          eq(jobs.key, key),
          place === undefined ? undefined : eq(jobs.place, Number(place)),
        ),
      )
      .orderBy(desc(jobs.repeat))
      .limit(1),
  )
}

async function needsAt({ db, runId, attempt }: Asking, needs: string[]): Promise<NonNullable<Contexts['needs']>> {
  if (needs.length === 0) return {}
  const rows = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.runId, runId), eq(jobs.attempt, attempt)))
  return needsOf({ needs }, latest(rows.map((row) => plannedOf(row))))
}
