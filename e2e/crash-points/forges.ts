import { join } from 'node:path'
import { deliver } from '../lib/deliveries.ts'
import { FarRepository } from '../lib/far-repository.ts'
import { until } from '../lib/juanie.ts'
import type { Run } from '../lib/shop.ts'
import { insist } from './insist.ts'
import type { Story } from './lane.ts'

const workflow = 'on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo hello\n'

export const forgeStories: Story[] = [
  {
    name: 'a push that a webhook tells of',
    points: [
      'connection.fetched',
      'delivery.before.store',
      'delivery.after.store',
      'connection.before.move',
      'delivery.before.settle',
      'connection.after.move',
    ],
    async play({ shop, turn }) {
      await using far = await FarRepository.open(join(shop.juanie.home, `far-${turn}`))
      const before = await far.change({ '.github/workflows/ci.yml': workflow }, 'First')
      const slug = `connected-${turn}`
      const { id: organizationId } = await shop.ask<{ id: string }>('organizations.find', { slug: 'main' })
      await insist(
        'the project',
        () => shop.api.tell('projects.create', { organizationId, slug, template: 'empty' }),
        ({ reason }) => reason === 'project.slug_taken',
      )
      const { id: projectId } = await shop.ask<{ id: string }>('projects.find', { organization: 'main', project: slug })
      await insist(
        'the connection',
        () => shop.api.tell('connections.connect', { projectId, url: far.url, provider: 'github' }),
        () => false,
      )
      let secret = ''
      await insist(
        'its secret',
        async () => {
          const told = await shop.api.tell<{ webhookSecret: string }>('connections.renewWebhookSecret', { projectId })
          secret = told.webhookSecret
        },
        () => false,
      )
      const { webhookUrl } = await shop.ask<{ webhookUrl: string }>('connections.find', { projectId })
      const runs = async () =>
        (await shop.ask<{ rows: Run[] }>('runs.list', { projectId, limit: 10 })).rows.map(({ commit }) => commit)
      await until('the run of what was there', async () => (await runs()).length === 1)
      const after = await far.change({ 'a.txt': 'second' }, 'Second')
      const hook = { url: webhookUrl, secret }
      await until('an answer', async () => (await deliver(hook, { id: `second-${turn}`, before, after })) === 202)
      await until('its run', async () => (await runs())[0] === after)
      await until('the verdict', async () => {
        const { rows } = await shop.ask<{ rows: { verdict: string | null }[] }>('deliveries.list', { projectId })
        return rows.length === 1 && rows[0]!.verdict !== null
      })
      const made = await runs()
      if (made.join() !== [after, before].join()) throw new Error(`there are runs of ${made.join()}`)
      await insist(
        'its end',
        () => shop.api.tell('projects.delete', { projectId }),
        ({ reason }) => reason.endsWith('.not_found'),
      )
    },
  },
]
