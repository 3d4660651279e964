import { useQuery } from '@tanstack/vue-query'
import { computed, type InjectionKey, inject, type Ref } from 'vue'
import { useRoute } from 'vue-router'
import { api } from './api.ts'
import { keyOf } from './queries.ts'

export type Project = Awaited<ReturnType<typeof api.projects.view.query>>

export const projectKey: InjectionKey<Ref<Project>> = Symbol('project')

/** The project of the address; only inside `ProjectLayout`, which shows nothing before it is known. */
export function useProject(): Ref<Project> {
  const project = inject(projectKey)
  if (!project) throw new Error('useProject() outside of ProjectLayout')
  return project
}

interface Address {
  organization: string
  project: string
}

export const projectQuery = (address: Address) => ({
  queryKey: keyOf('projects', 'me', 'find', address),
  queryFn: () => api.projects.find.query(address),
})

/** Looks the project of the address up. */
export function useProjectOfAddress() {
  const route = useRoute()
  const address = computed(() => ({
    organization: String(route.params.organization),
    project: String(route.params.project),
  }))
  return useQuery(computed(() => ({ ...projectQuery(address.value), enabled: Boolean(route.params.project) })))
}

/** Address of a page of the project: `pathIn(project, 'runs', 4)`. */
export const pathIn = (project: Pick<Project, 'slug' | 'organization'>, ...parts: (string | number)[]): string =>
  `/${[project.organization.slug, project.slug, ...parts].map((part) => encodeURIComponent(part)).join('/')}`
