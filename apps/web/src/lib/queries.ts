import { QueryClient } from '@tanstack/vue-query'
import { refusalOf } from './api.ts'

/** The domains whose rows the console keeps; an event says which of them are out of date. */
const domains = [
  'account',
  'organizations',
  'projects',
  'repositories',
  'pipelines',
  'runs',
  'artifacts',
  'caches',
  'releases',
  'environments',
  'deployments',
  'variables',
  'secrets',
  'hosts',
  'queues',
  'home',
  'events',
] as const
export type Domain = (typeof domains)[number]

/**
 * The key of what the server answered: the domain, the tenant that it belongs to (a project's or an organization's id,
 * `me` for what is one's own), what was asked, and with what.
 */
export const keyOf = (domain: Domain, tenant: string, asked: string, input: unknown = null) =>
  [domain, tenant, asked, input] as const

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // Events say what changed, so nothing is asked again only because time went by.
      staleTime: 60_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 3 && ['offline', 'broken'].includes(refusalOf(error).kind),
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 5_000),
    },
  },
})
