import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deploymentPoints } from '@juanie/services/deployments'
import { afterAll, describe, expect, test } from 'vitest'
import { agentPoints } from '../apps/agent/src/points.ts'
import { serverPoints } from '../apps/server/src/points.ts'
import { edges } from '../packages/services/src/deployments/status.ts'
import { agentStories } from './crash-points/agent.ts'
import { deploymentStories } from './crash-points/deployments.ts'
import { forgeStories } from './crash-points/forges.ts'
import { keptStory } from './crash-points/kept.ts'
import { Lane } from './crash-points/lane.ts'
import { runStories } from './crash-points/runs.ts'
import { settingStories } from './crash-points/settings.ts'
import { root } from './lib/juanie.ts'

/** In the tables of states, and made by nothing yet: gates keep deployments waiting that can then fail. */
const unmade = ['deployment.waiting.fail'].flatMap((move) => {
  const [thing, ...rest] = move.split('.')
  return [`${thing}.before.${rest.join('.')}`, `${thing}.after.${rest.join('.')}`]
})

const serverLanes = {
  kept: [keptStory],
  runs: [...runStories, ...settingStories, ...forgeStories],
  deployments: deploymentStories,
}
const serverStories = Object.values(serverLanes).flat()

test('every point of the server has a story in which it is killed there', () => {
  const told = serverStories.flatMap(({ points }) => points)
  expect(serverPoints.filter((point) => !told.includes(point)).sort()).toEqual([...unmade].sort())
  expect(told.filter((point) => !serverPoints.includes(point))).toEqual([])
})

test('every point of the agent has a story in which it is killed there', () => {
  const told = agentStories.flatMap(({ points }) => points)
  expect([...new Set(told)].sort()).toEqual([...agentPoints].sort())
})

test('every move of a deployment has a point before and after it', () => {
  for (const { from, move } of edges)
    for (const side of ['before', 'after']) expect(deploymentPoints).toContain(`deployment.${side}.${from}.${move}`)
})

test('every point that the code names is in a list', () => {
  const known = new Set([...serverPoints, ...agentPoints])
  const named = ['apps', 'packages'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules') && !name.endsWith('.test.ts'))
      .flatMap((name) => [
        ...readFileSync(join(root, folder, name), 'utf8').matchAll(/(?:crash|push)Point\('([^']+)'\)/g),
      ])
      .map(([, name]) => name!),
  )
  expect(named.length).toBeGreaterThan(40)
  expect(named.filter((name) => !known.has(name))).toEqual([])
})

// Each lane is an installation of its own. They go on side by side, for most of the time is spent waiting.
const lanes = {
  kept: new Lane(),
  runs: new Lane(),
  deployments: new Lane(),
  agent: new Lane(),
}

afterAll(async () => {
  await Promise.all(Object.values(lanes).map((lane) => lane[Symbol.asyncDispose]()))
}, 120_000)

const limitMs = 900_000

// All begin at once and wait for their turn in their lane.
describe.concurrent('killed with -9', () => {
  test.each(serverLanes.kept)(
    'the server, in a deployment that is kept, at every point on the way',
    { timeout: limitMs },
    (story) => lanes.kept.killServer(story),
  )
  test('the server, in runs and settings', { timeout: limitMs }, async () => {
    for (const story of serverLanes.runs) await lanes.runs.killServer(story)
  })
  test('the server, in deployments', { timeout: limitMs }, async () => {
    for (const story of serverLanes.deployments) await lanes.deployments.killServer(story)
  })
  test('the agent', { timeout: limitMs }, async () => {
    for (const story of agentStories) await lanes.agent.killAgent(story)
  })
})
