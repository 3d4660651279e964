import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { copyText } from '@/lib/clipboard.ts'
import { readHash } from './places.ts'

/** The line that the address names: `#L12`, or several: `#L12-L20`. */
export function useLogLinks(hasLinks: boolean) {
  const route = useRoute()
  const router = useRouter()
  const selected = computed(() => (hasLinks ? readHash(route.hash) : null))
  const hashOf = (from: number, to: number) => (from === to ? `#L${from}` : `#L${from}-L${to}`)
  const page = computed(() => router.resolve({ query: route.query }).href)
  return {
    selected,
    isSelected: (line: number) => selected.value !== null && line >= selected.value.from && line <= selected.value.to,
    hrefOf: (line: number) => (hasLinks ? `${page.value}${hashOf(line, line)}` : undefined),
    select: (line: number, extend: boolean) => {
      if (!hasLinks) return
      const other = extend ? (selected.value?.from ?? line) : line
      const hash = hashOf(Math.min(line, other), Math.max(line, other))
      void router.replace({ query: route.query, hash })
    },
    copy: () => copyText(location.href),
  }
}
