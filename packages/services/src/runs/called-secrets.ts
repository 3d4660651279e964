import { type Contexts, evaluateTemplate, type JobInstance, strategyContext } from '@juanie/workflow'
import { secretsIn } from './mentions.ts'

type Names = readonly string[] | 'all'
type Secrets = Record<string, string>

interface Asking {
  /** The job that stands at a path, in its last repeat. */
  caller: (path: string) => Promise<{ instance: JobInstance | null; needs: string[] } | null>
  /** The `needs` context of a job that needs these. */
  needs: (keys: string[]) => Promise<NonNullable<Contexts['needs']>>
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
  const caller = await asking.caller(instance.called.caller)
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
    needs: await asking.needs(caller.needs),
    secrets: {
      ...(await secretsOf(asking, caller.instance, secretsIn(passed.map(([, text]) => text)))),
      GITHUB_TOKEN: asking.token,
    },
  }
  return Object.fromEntries(passed.map(([name, text]) => [name.toUpperCase(), evaluateTemplate(text, contexts)]))
}
