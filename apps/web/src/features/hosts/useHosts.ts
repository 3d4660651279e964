import { useQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'
import { useAction } from '@/lib/actions.ts'
import { api } from '@/lib/api.ts'
import { keyOf } from '@/lib/queries.ts'

/** Agents come, go and take jobs without an event. */
const everyMs = 3_000

/** The hosts of the installation, each with how many jobs it works on now. */
export function useHosts(organizationId: MaybeRefOrGetter<string>) {
  const query = useQuery({
    queryKey: computed(() => keyOf('hosts', toValue(organizationId), 'list')),
    queryFn: async () => {
      const tenant = { organizationId: toValue(organizationId) }
      const [hosts, loads] = await Promise.all([api.hosts.list.query(tenant), api.overview.hostLoads.query(tenant)])
      const jobs = new Map(loads.map((load) => [load.hostId, load.jobs]))
      return hosts.map((host) => ({ ...host, jobs: jobs.get(host.id) ?? 0 }))
    },
    refetchInterval: everyMs,
  })
  return { hosts: query.data, error: query.error, again: () => void query.refetch() }
}

export const useNewHost = (organizationId: MaybeRefOrGetter<string>) =>
  useAction((name: string) => api.hosts.add.mutate({ organizationId: toValue(organizationId), name }), {
    changes: ['hosts'],
  })
