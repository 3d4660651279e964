import { until } from './juanie.ts'
import { endLimitMs, faultsOfLogs, openRuns, type Shop } from './shop.ts'
import type { Visitor } from './visitor.ts'

/** A run that this scenario started, by a push or by hand, and what serves when its commit is deployed. */
export interface Told {
  commit: string
  text: string
  /** How many runs the push makes: 1 unless it says otherwise. */
  runs?: number
}

/**
 * What must hold once everything has come to rest, whoever died on the way: nothing is stuck, each push made one run,
 * logs are whole, one version serves and is the one that is shown, and the visitor never noticed. One sentence per fault.
 */
export async function faults(shop: Shop, told: Told[], visitor: Visitor | null): Promise<string[]> {
  const found: string[] = []
  try {
    await until(
      'every run and deployment to end',
      async () =>
        (await shop.runs(100)).every(({ status }) => !openRuns.includes(status)) &&
        (await shop.deployments(100)).every(({ final }) => final),
      endLimitMs,
    )
  } catch (error) {
    const runs = (await shop.runs(100)).filter(({ status }) => openRuns.includes(status))
    const deployments = (await shop.deployments(100)).filter(({ final }) => !final)
    return [`${(error as Error).message}: ${JSON.stringify({ runs, deployments })}`]
  }
  const runs = await shop.runs(100)
  for (const { commit, text, runs: count = 1 } of told) {
    const own = runs.filter((run) => run.commit === commit && run.event === 'push')
    if (own.length !== count) found.push(`the push of ${text} made ${own.length} runs`)
    for (const run of own) found.push(...(await faultsOfLogs(shop, run)).map((fault) => `run #${run.number}: ${fault}`))
  }
  found.push(...(await faultsOfServing(shop, told)))
  if (visitor) found.push(...visitor.failures.splice(0).map((failure) => `a visitor lost a request: ${failure}`))
  return found
}

async function faultsOfServing(shop: Shop, told: Told[]): Promise<string[]> {
  const found: string[] = []
  const succeeded = (await shop.deployments(100)).filter(
    (one) => one.status === 'succeeded' && one.environment.name === 'dev',
  )
  // The newest deployment that was kept serves, whatever was tried since.
  const serving = succeeded.reduce((a, b) => (a.number > b.number ? a : b))
  const shown = await until(
    'dev to be shown healthy',
    async () => {
      const environment = await shop.environment()
      return environment.health === 'healthy' ? environment : null
    },
    endLimitMs,
  ).catch(async () => shop.environment())
  if (shown.health !== 'healthy') found.push(`dev is shown ${shown.health}`)
  if (shown.deployment?.number !== serving.number)
    found.push(`dev is shown with #${shown.deployment?.number}, and #${serving.number} was kept last`)
  const expected = told.findLast(({ commit }) => commit === serving.release.commit)?.text
  const answer = await shop.answer()
  if (expected !== undefined && answer !== expected) found.push(`dev answers ${answer}, not ${expected}`)
  try {
    await until('the processes of other versions to end', () => shop.living().length === 1, endLimitMs)
  } catch {
    found.push(`${shop.living().length} processes of the application live`)
  }
  return found
}
