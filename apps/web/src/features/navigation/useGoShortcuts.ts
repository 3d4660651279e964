import { type RouteLocationRaw, useRoute, useRouter } from 'vue-router'
import { useOrganization } from '@/lib/session.ts'
import { type Shortcut, useShortcuts } from '@/lib/shortcuts.ts'

/** `g` and a letter goes to a page: of the project that is open, else of the organization. */
export function useGoShortcuts(): void {
  const route = useRoute()
  const router = useRouter()
  const organization = useOrganization()
  const go = (to: RouteLocationRaw) => void router.push(to)
  const inProject = (keys: string, label: string, name: string): Shortcut => ({
    keys,
    label,
    run: () => {
      const { organization: own, project } = route.params
      if (project) go({ name, params: { organization: own, project } })
    },
  })
  const inOrganization = (keys: string, label: string, name: string): Shortcut => ({
    keys,
    label,
    run: () => organization.value && go({ name, params: { organization: organization.value.slug } }),
  })
  useShortcuts([
    inProject('g o', 'nav.overview', 'project'),
    inProject('g r', 'nav.runs', 'runs'),
    inProject('g l', 'nav.releases', 'releases'),
    inProject('g e', 'nav.environments', 'environments'),
    inProject('g d', 'nav.deployments', 'deployments'),
    inProject('g a', 'nav.events', 'events'),
    inProject('g s', 'nav.settings', 'settings'),
    inOrganization('g h', 'nav.home', 'home'),
    inOrganization('g q', 'nav.queues', 'queues'),
    inOrganization('c', 'nav.newProject', 'new-project'),
  ])
}
