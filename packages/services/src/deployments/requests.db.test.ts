import { one } from '@juanie/core/database'
import type { ProjectScope } from '@juanie/core/scope'
import { expect, test } from 'vitest'
import { users } from '../users/tables.ts'
import { deployments } from './tables.ts'
import { type Shop, shop } from './testing/shop.ts'

async function person(s: Shop, name: string): Promise<ProjectScope> {
  const { id } = await one(
    s.db
      .insert(users)
      .values({ email: `${name}@example.com`, name, passwordHash: '' })
      .returning(),
  )
  return { ...s.scope, actor: { kind: 'user', id, name } }
}

test('two people who deploy the same at the same moment get one deployment', async () => {
  await using s = await shop()
  const [ann, bob] = [await person(s, 'ann'), await person(s, 'bob')]
  const other = s.server()
  for (let turn = 0; turn < 5; turn++) {
    const { id: release } = await s.release()
    const wish = { environment: 'dev', release }
    const answers = await Promise.all([
      s.deployments.start(ann, { ...wish, requestKey: `ann-${turn}` }),
      other.start(bob, { ...wish, requestKey: `bob-${turn}` }),
      s.deployments.start(ann, { ...wish, requestKey: `ann-again-${turn}` }),
    ])
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    expect(await s.drive(answers[0].id)).toMatchObject({ status: 'succeeded' })
  }
  expect(await s.db.select().from(deployments)).toHaveLength(5)
})

test('what differs, was called off or has the traffic is deployed anew', async () => {
  await using s = await shop({ soakMs: 60_000 })
  const ann = await person(s, 'ann')
  const { id: release } = await s.release()
  const ask = () => s.deployments.start(ann, { environment: 'dev', release })
  const first = await ask()
  await s.variables.set(ann, { environment: 'dev', name: 'COLOUR', value: 'green' })
  const second = await ask()
  expect(second.number).toBe(first.number + 1)
  for (const { id } of [first, second]) await s.deployments.cancel(ann, id)
  s.agent.behaviour.soak = () => 'running'
  const third = await ask()
  expect(third.number).toBe(second.number + 1)
  expect((await ask()).id).toBe(third.id)
  await s.drive(third.id, 'soaking')
  expect((await ask()).number).toBe(third.number + 1)
})
