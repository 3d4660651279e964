import { insist } from './insist.ts'
import { around, type Story } from './lane.ts'

export const settingStories: Story[] = [
  {
    name: 'a project that is made and deleted',
    points: [
      'repository.before.create',
      'repository.folder_made',
      'repository.after.create',
      ...around('project', 'create', 'delete'),
    ],
    async play({ shop, turn }) {
      const slug = `other-${turn}`
      const { id: organizationId } = await shop.ask<{ id: string }>('organizations.find', { slug: 'main' })
      await insist(
        'the project',
        () => shop.api.tell('projects.create', { organizationId, slug, template: 'node' }),
        ({ reason }) => reason === 'project.slug_taken',
      )
      const find = { organization: 'main', project: slug }
      const { id: projectId } = await shop.ask<{ id: string }>('projects.find', find)
      const { defaultBranch } = await shop.ask<{ defaultBranch: string }>('repositories.view', { projectId })
      if (defaultBranch !== 'main') throw new Error(`its default branch is ${defaultBranch}`)
      await insist(
        'its end',
        () => shop.api.tell('projects.delete', { projectId }),
        ({ reason }) => reason.endsWith('.not_found'),
      )
    },
  },
  {
    name: 'a secret that is set',
    points: around('secret', 'set'),
    async play({ shop, turn }) {
      const name = `TURN_${turn}`
      await insist(
        'the secret',
        () => shop.tell('secrets.set', { name, value: 'hush' }),
        () => false,
      )
      const all = await shop.ask<{ name: string }[]>('secrets.list')
      if (!all.some((each) => each.name === name)) throw new Error(`there is no ${name}`)
      await insist(
        'its end',
        () => shop.tell('secrets.delete', { name }),
        () => true,
      )
    },
  },
]
