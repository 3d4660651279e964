import { type QueryKey, useInfiniteQuery } from '@tanstack/vue-query'
import { computed, type MaybeRefOrGetter, toValue } from 'vue'

interface PageOf<Row, Cursor> {
  rows: Row[]
  next: Cursor | null
}

/** A list by pages: `rows` of all that were loaded, and `more()` for the next. What is shown stays while it is asked anew. */
export function useRows<Row, Cursor extends string | number>(
  key: MaybeRefOrGetter<QueryKey>,
  load: (after: Cursor | undefined) => Promise<PageOf<Row, Cursor>>,
  /** Asks anew each so many milliseconds while the page is looked at, for what changes without an event. */
  options: { everyMs?: number } = {},
) {
  const query = useInfiniteQuery({
    queryKey: computed(() => toValue(key)),
    queryFn: ({ pageParam }) => load((pageParam as Cursor | null) ?? undefined),
    initialPageParam: null as string | number | null,
    getNextPageParam: (last: PageOf<Row, Cursor>): string | number | null => last.next,
    placeholderData: (before) => before,
    refetchInterval: options.everyMs ?? false,
  })
  return {
    rows: computed(() => query.data.value?.pages.flatMap((page) => page.rows)),
    error: query.error,
    again: () => void query.refetch(),
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    more: () => void query.fetchNextPage(),
  }
}
