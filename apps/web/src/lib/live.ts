import type { FeedEvent } from '@juanie/core/event-feed'
import type { RunNews } from '@juanie/services/runs/contract'
import { type InjectionKey, inject, onScopeDispose, provide, type Ref, ref, watch } from 'vue'
import type { News } from './event-stream.ts'
import { type Domain, queryClient } from './queries.ts'
import { shareEvents } from './shared-events.ts'

/** What the console keeps of an event's subject, and of what else looks different after it. */
const touched: Record<string, Domain[]> = {
  project: ['projects', 'queues', 'home'],
  push: ['repositories', 'runs', 'pipelines'],
  repository: ['repositories', 'pipelines'],
  pipeline: ['pipelines', 'runs'],
  run: ['runs', 'pipelines', 'queues', 'home'],
  job: ['runs', 'queues', 'artifacts', 'caches'],
  artifact: ['artifacts'],
  cache: ['caches'],
  step: ['runs'],
  release: ['releases'],
  deployment: ['deployments', 'environments', 'releases', 'queues', 'home'],
  environment: ['environments', 'deployments', 'queues', 'home'],
  instance: ['deployments', 'environments'],
  variable: ['variables', 'deployments'],
  secret: ['secrets', 'deployments'],
  host: ['hosts'],
  agent: ['hosts', 'queues'],
  organization: ['organizations'],
}

export type LiveState = 'connecting' | 'live' | 'lost'

export interface Live {
  state: Readonly<Ref<LiveState>>
  /** Hears every event until the returned function is called. */
  onEvent: (listener: (event: FeedEvent) => void) => () => void
  /** Hears of runs whose steps have begun or ended; null says that any may have. */
  onProgress: (listener: (news: RunNews | null) => void) => () => void
}

const key: InjectionKey<Live> = Symbol('live')

/** Many events of one moment cause one question each at most. */
const flushMs = 150
/**
 * Follows the events of an organization for as long as the component lives: what they concern is asked again, and
 * listeners hear them. Resumes where it was; after a gap that cannot be filled everything is asked again.
 */
function follow(organizationId: Ref<string | null>): Live {
  const state = ref<LiveState>('connecting')
  const listeners = new Set<(event: FeedEvent) => void>()
  const progressListeners = new Set<(news: RunNews | null) => void>()
  const dirty = new Map<string, Set<Domain>>()
  let flushTimer: ReturnType<typeof setTimeout> | undefined

  const flush = () => {
    flushTimer = undefined
    for (const [tenant, kinds] of dirty) {
      for (const domain of kinds) {
        const queryKey = [domain, tenant]
        // What is being asked right now would be asked anew, and never answered while events keep coming: it waits.
        if (queryClient.isFetching({ queryKey }) > 0) continue
        kinds.delete(domain)
        void queryClient.invalidateQueries({ queryKey })
      }
      if (kinds.size === 0) dirty.delete(tenant)
    }
    if (dirty.size > 0) flushTimer = setTimeout(flush, flushMs)
  }
  const touch = (tenant: string, kinds: Domain[]) => {
    const known = dirty.get(tenant) ?? new Set()
    for (const kind of kinds) known.add(kind)
    dirty.set(tenant, known)
    flushTimer ??= setTimeout(flush, flushMs)
  }
  const hear = (event: FeedEvent) => {
    const [subject = ''] = event.type.split('.', 1)
    const kinds: Domain[] = [...(touched[subject] ?? []), 'events']
    if (event.projectId) touch(event.projectId, kinds)
    touch(event.organizationId, kinds)
    for (const listener of listeners) listener(event)
  }

  const heard = (news: News) => {
    if (news.kind === 'event') return hear(news.event)
    if (news.kind === 'progress') {
      for (const listener of progressListeners) listener(news.news)
      return
    }
    state.value = news.kind === 'lost' ? 'lost' : 'live'
    if (news.kind === 'begun') void queryClient.invalidateQueries({ predicate: ({ state }) => state.dataUpdatedAt > 0 })
  }
  let close = () => {}
  watch(
    organizationId,
    (organization) => {
      close()
      state.value = 'connecting'
      close = organization ? shareEvents(organization, heard) : () => {}
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    close()
    clearTimeout(flushTimer)
  })

  return {
    state,
    onEvent: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onProgress: (listener) => {
      progressListeners.add(listener)
      return () => progressListeners.delete(listener)
    },
  }
}

/** For the layout: one connection for all pages. */
export function provideLive(organizationId: Ref<string | null>): Live {
  const live = follow(organizationId)
  provide(key, live)
  return live
}

/** Hears the events of the organization while the component lives. */
export function useEvents(listener: (event: FeedEvent) => void): void {
  const stop = inject(key)?.onEvent(listener)
  if (stop) onScopeDispose(stop)
}

/** Hears of runs of the organization whose steps have begun or ended, while the component lives. */
export function useProgress(listener: (news: RunNews | null) => void): void {
  const stop = inject(key)?.onProgress(listener)
  if (stop) onScopeDispose(stop)
}
