import {
  Activity,
  Box,
  FolderGit2,
  History,
  House,
  Keyboard,
  KeyRound,
  Languages,
  Layers,
  ListChecks,
  LogOut,
  Moon,
  Play,
  Plus,
  Rocket,
  Server,
  Settings,
  Undo2,
  Users,
  Waypoints,
} from '@lucide/vue'
import { useQuery } from '@tanstack/vue-query'
import { type Component, computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { type RouteLocationRaw, useRoute, useRouter } from 'vue-router'
import { useRefusals } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { chooseLanguage, type Language, languages } from '@/lib/i18n.ts'
import { useProjects } from '@/lib/projects.ts'
import { keyOf } from '@/lib/queries.ts'
import { useOrganization, usePermissions } from '@/lib/session.ts'
import { themes, useTheme } from '@/lib/theme.ts'
import { say } from '@/lib/toasts.ts'
import { isSheetOpen, type Wanted, wanted } from './palette.ts'

export interface Command {
  id: string
  icon: Component
  label: string
  group: 'go' | 'projects' | 'recent' | 'do'
  run: () => void
}

const mostRecent = 20

/** Everywhere one can go, and everything one may do from here. */
export function useCommands() {
  const { t } = useI18n()
  const { sentenceOf } = useRefusals()
  const route = useRoute()
  const router = useRouter()
  const organization = useOrganization()
  const { can } = usePermissions()
  const look = useTheme()
  const { projects } = useProjects(computed(() => organization.value?.id ?? null))
  const open = computed(() => projects.value?.find(({ slug }) => slug === route.params.project) ?? null)
  const projectId = computed(() => open.value?.id ?? 'none')
  const enabled = computed(() => open.value !== null)
  const recent = useQuery({
    queryKey: computed(() => keyOf('runs', projectId.value, 'palette')),
    queryFn: async () => {
      const asked = { projectId: projectId.value, limit: mostRecent }
      const [runs, releases, deployments] = await Promise.all([
        api.runs.list.query(asked),
        api.releases.list.query(asked),
        api.deployments.list.query(asked),
      ])
      return { runs: runs.rows, releases: releases.rows, deployments: deployments.rows }
    },
    enabled,
  })
  const environments = useQuery({
    queryKey: computed(() => keyOf('environments', projectId.value, 'status')),
    queryFn: () => api.deployments.environments.query({ projectId: projectId.value }),
    enabled,
  })

  const go = (id: string, icon: Component, label: string, to: RouteLocationRaw, group: Command['group'] = 'go') => ({
    id,
    icon,
    label,
    group,
    run: () => void router.push(to),
  })
  const ask = (id: string, icon: Component, label: string, wish: Wanted): Command => ({
    id,
    icon,
    label,
    group: 'do',
    run: () => {
      wanted.value = wish
    },
  })

  const ofProject = computed((): Command[] => {
    if (!open.value) return []
    const place = { organization: open.value.organization.slug, project: open.value.slug }
    const page = (name: string, icon: Component, label: string) => go(name, icon, label, { name, params: place })
    const last = recent.data.value?.runs[0]
    return [
      page('project', Waypoints, t('nav.overview')),
      page('runs', ListChecks, t('nav.runs')),
      page('releases', Box, t('nav.releases')),
      page('environments', Layers, t('nav.environments')),
      page('deployments', Rocket, t('nav.deployments')),
      page('events', History, t('nav.events')),
      page('settings', Settings, t('nav.settings')),
      ...(environments.data.value ?? []).map(({ name }) =>
        go(`environment ${name}`, Layers, t('nav.palette.environment', { name }), {
          name: 'environment',
          params: { ...place, environment: name },
        }),
      ),
      ...(can('deployment.start') ? [ask('deploy', Rocket, t('nav.palette.deploy'), { kind: 'deploy' })] : []),
      ...(environments.data.value ?? [])
        .filter(({ release }) => release !== null)
        .flatMap(({ name }) => [
          ...(can('deployment.promote')
            ? [
                ask(`promote ${name}`, Rocket, t('nav.palette.promote', { name }), {
                  kind: 'promote',
                  environment: name,
                }),
              ]
            : []),
          ...(can('deployment.rollback')
            ? [
                ask(`rollback ${name}`, Undo2, t('nav.palette.rollback', { name }), {
                  kind: 'rollback',
                  environment: name,
                }),
              ]
            : []),
        ]),
      ...(last && can('run.rerun') && last.finishedAt
        ? [
            {
              id: 'rerun',
              icon: Play,
              label: t('nav.palette.rerun', { number: last.number }),
              group: 'do' as const,
              run: () =>
                void api.runs.rerun
                  .mutate({ projectId: projectId.value, run: last.number, jobs: 'all' })
                  .then(() => router.push({ name: 'run', params: { ...place, number: last.number } }))
                  .catch((error: unknown) => say(sentenceOf(error), 'error')),
            },
          ]
        : []),
      ...(recent.data.value?.runs ?? []).map(({ number, title }) =>
        go(
          `run ${number}`,
          ListChecks,
          `${t('events.aRun', { number })} · ${title}`,
          { name: 'run', params: { ...place, number } },
          'recent',
        ),
      ),
      ...(recent.data.value?.releases ?? []).map(({ number }) =>
        go(
          `release ${number}`,
          Box,
          t('events.aRelease', { number }),
          { name: 'release', params: { ...place, number } },
          'recent',
        ),
      ),
      ...(recent.data.value?.deployments ?? []).map(({ number, kind, environment }) =>
        go(
          `deployment ${number}`,
          Rocket,
          `${t(`events.puts.${kind}`, { number })} · ${environment.name}`,
          { name: 'deployment', params: { ...place, number } },
          'recent',
        ),
      ),
    ]
  })

  const ofOrganization = computed((): Command[] => {
    if (!organization.value) return []
    const params = { organization: organization.value.slug }
    const page = (name: string, icon: Component, label: string) => go(`${name} of all`, icon, label, { name, params })
    return [
      page('home', House, t('nav.home')),
      page('queues', Activity, t('nav.queues')),
      page('hosts', Server, t('nav.hosts')),
      page('members', Users, t('nav.members')),
      ...(can('project.create') ? [{ ...page('new-project', Plus, t('nav.newProject')), group: 'do' as const }] : []),
      ...(projects.value ?? []).map(({ id, name, slug, organization: own }) =>
        go(id, FolderGit2, name, { name: 'project', params: { organization: own.slug, project: slug } }, 'projects'),
      ),
    ]
  })

  const own = computed((): Command[] => [
    go('account', KeyRound, t('nav.tokens'), { name: 'account' }),
    ...themes.map((theme) => ({
      id: `theme ${theme}`,
      icon: Moon,
      label: t('nav.palette.theme', { theme: t(`nav.theme.${theme}`) }),
      group: 'do' as const,
      run: () => look.choose(theme),
    })),
    ...Object.entries(languages).map(([tag, name]) => ({
      id: `language ${tag}`,
      icon: Languages,
      label: t('nav.palette.language', { name }),
      group: 'do' as const,
      run: () => void chooseLanguage(tag as Language),
    })),
    {
      id: 'shortcuts',
      icon: Keyboard,
      label: t('nav.shortcuts'),
      group: 'do',
      run: () => {
        isSheetOpen.value = true
      },
    },
    {
      id: 'sign out',
      icon: LogOut,
      label: t('nav.signOut'),
      group: 'do',
      run: () => void api.auth.signOut.mutate().finally(() => location.assign('/')),
    },
  ])

  return computed(() => [...ofProject.value, ...ofOrganization.value, ...own.value])
}
