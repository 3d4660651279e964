import { expect, onTestFinished, test } from 'vitest'
import { AppError } from './errors.ts'
import { JobQueue } from './job-queue.ts'
import type { JobDefinition } from './jobs.ts'
import { testDb } from './testing/index.ts'

const redisUrl = process.env.JUANIE_TEST_REDIS_URL ?? null

async function queues(run: JobDefinition['run'], options: { isDropping?: boolean } = {}) {
  const db = await testDb({ isEmpty: true })
  const errors: unknown[] = []
  const queue = new JobQueue({
    database: { connectionString: db.url },
    redisUrl,
    isDropping: options.isDropping ?? false,
    failed: (error) => errors.push(error),
  })
  queue.register([{ name: 'thing.reconcile', lane: 'maintenance', run }])
  queue.start()
  onTestFinished(async () => {
    await queue.stop()
    await db[Symbol.asyncDispose]()
  })
  return { queue, errors }
}

const until = (check: () => boolean) => expect.poll(check, { timeout: 15_000, interval: 10 }).toBe(true)

test('a job that is asked for before the queues are open runs once they are', async () => {
  const seen: string[] = []
  const { queue } = await queues(async (id) => void seen.push(id))
  await queue.enqueue('thing.reconcile', { id: 'early' })
  await queue.enqueue('thing.reconcile', { id: 'early' })
  await until(() => seen.length > 0)
  await queue.enqueue('thing.reconcile', { id: 'late' })
  await until(() => seen.length > 1)
  expect(seen).toEqual(['early', 'late'])
})

test('any number of requests during a run cause one more run, never two at once', async () => {
  let active = 0
  let most = 0
  let runs = 0
  const gate = deferred()
  const { queue } = await queues(async () => {
    active++
    runs++
    most = Math.max(most, active)
    if (runs === 1) await gate.promise
    active--
  })
  await queue.enqueue('thing.reconcile', { id: 'one' })
  await until(() => runs === 1)
  for (let n = 0; n < 5; n++) await queue.enqueue('thing.reconcile', { id: 'one' })
  gate.resolve()
  await until(() => runs === 2)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect({ runs, most }).toEqual({ runs: 2, most: 1 })
  await queue.enqueue('thing.reconcile', { id: 'one' })
  await until(() => runs === 3)
})

test('a refusal ends the job, an outage is tried again, and an error with a NUL is stored', async () => {
  const runs: Record<string, number> = { refused: 0, outage: 0 }
  const { queue } = await queues(async (id) => {
    runs[id] = runs[id]! + 1
    if (id === 'refused') throw new AppError('invalid', 'thing.wrong')
    if (runs[id] === 1) throw new Error('bytes \u0000 of a program')
  })
  await queue.enqueue('thing.reconcile', { id: 'refused' })
  await queue.enqueue('thing.reconcile', { id: 'outage' })
  await until(() => runs.outage === 2)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  expect(runs).toEqual({ refused: 1, outage: 2 })
  await queue.enqueue('thing.reconcile', { id: 'refused' })
  await until(() => runs.refused === 2)
})

test('with dropped jobs nothing runs and nobody is told', async () => {
  let runs = 0
  const { queue } = await queues(async () => void runs++, { isDropping: true })
  await queue.enqueue('thing.reconcile', { id: 'one' })
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  expect(runs).toBe(0)
})

test('a job that nobody registered is a mistake of the caller', async () => {
  const { queue } = await queues(async () => {})
  await expect(queue.enqueue('other.thing', { id: 'one' })).rejects.toThrow('other.thing')
})

function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
