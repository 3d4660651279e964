import { computed, onScopeDispose, type Ref, ref, shallowRef, watch } from 'vue'
import { after } from './folds.ts'
import { lineAsked } from './places.ts'
import type { LogSource } from './source.ts'

/** So many matches are counted and kept; beyond them the next one is looked for when it is asked for. */
export const mostMatches = 10_000
const typingMs = 150
const grownMs = 1_000

type Searched = Pick<LogSource, 'search' | 'size'>

interface View {
  /** The first and the last line that is seen. */
  top: () => number
  bottom: () => number
  isAtEnd: Readonly<Ref<boolean>>
  show: (line: number) => Promise<void>
}

/** Search through the whole log, also where it is not loaded: counts from its beginning while one jumps already. */
export function useLogSearch(source: Searched, view: View, sentenceOf: (error: unknown) => string) {
  const text = ref('')
  /** What is being searched for: follows what is typed with a short delay. */
  const query = ref('')
  const matches = shallowRef<number[]>([])
  /** Every match up to this line is known. */
  const reached = ref(0)
  const isCounted = ref(false)
  const current = ref<number | null>(null)
  const isJumping = ref(false)
  const wrong = ref<string | null>(null)
  let abort = new AbortController()

  const isFull = computed(() => matches.value.length >= mostMatches)
  const isBusy = computed(
    () => query.value !== '' && (isJumping.value || !(isCounted.value || isFull.value || wrong.value)),
  )
  /** Which of the matches the current one is, from 1; null where it is not counted so far. */
  const place = computed(() => {
    if (current.value === null || current.value > reached.value) return null
    return after(matches.value, (line) => line <= current.value!)
  })

  async function count(signal: AbortSignal): Promise<void> {
    isCounted.value = false
    while (!isCounted.value && !isFull.value) {
      const found = await source.search(query.value, { after: reached.value }, signal)
      signal.throwIfAborted()
      matches.value = [...matches.value, ...found.matches]
      reached.value = found.reached
      isCounted.value = found.isDone
    }
  }

  /** The nearest match beyond a line, wherever it is; null when there is none up to the end of the log. */
  async function beyond(line: number, direction: 1 | -1, signal: AbortSignal): Promise<number | null> {
    if (direction === 1 && line < reached.value) {
      const known = matches.value[after(matches.value, (match) => match <= line)]
      if (known !== undefined) return known
    }
    if (direction === -1 && line <= reached.value + 1)
      return matches.value[after(matches.value, (match) => match < line) - 1] ?? null
    if (direction === 1 && isCounted.value) return null
    for (let from = direction === 1 ? Math.max(line, reached.value) : line; ; ) {
      const found = await source.search(query.value, direction === 1 ? { after: from } : { before: from }, signal)
      signal.throwIfAborted()
      const match = direction === 1 ? found.matches[0] : found.matches.at(-1)
      if (match !== undefined) return match
      if (found.isDone) return null
      from = found.reached
    }
  }

  async function jump(direction: 1 | -1, from: number): Promise<void> {
    const { signal } = abort
    isJumping.value = true
    try {
      const match =
        (await beyond(from, direction, signal)) ??
        (await beyond(direction === 1 ? 0 : source.size.value + 1, direction, signal))
      if (match === null) return
      current.value = match
      await view.show(match)
    } catch (error) {
      if (!signal.aborted) wrong.value = sentenceOf(error)
    } finally {
      if (abort.signal === signal) isJumping.value = false
    }
  }

  /** From the end of a log one looks back, from elsewhere on. */
  const first = () => (view.isAtEnd.value && view.top() > 1 ? jump(-1, view.bottom() + 1) : jump(1, view.top() - 1))

  function start(): void {
    abort.abort()
    abort = new AbortController()
    const { signal } = abort
    query.value = text.value
    matches.value = []
    reached.value = 0
    current.value = null
    wrong.value = null
    isCounted.value = query.value === '' || lineAsked(query.value) !== null
    isJumping.value = false
    if (isCounted.value) return
    const counting = count(signal).catch((error: unknown) => {
      if (!signal.aborted) wrong.value = sentenceOf(error)
    })
    void first().then(() => counting)
  }

  let typing: ReturnType<typeof setTimeout> | undefined
  watch(text, () => {
    clearTimeout(typing)
    typing = setTimeout(start, typingMs)
  })

  let grown: ReturnType<typeof setTimeout> | undefined
  watch(source.size, () => {
    if (query.value === '' || !isCounted.value || isFull.value) return
    grown ??= setTimeout(() => {
      grown = undefined
      if (query.value !== '') void count(abort.signal).catch(() => {})
    }, grownMs)
  })
  onScopeDispose(() => {
    abort.abort()
    clearTimeout(typing)
    clearTimeout(grown)
  })

  function go(direction: 1 | -1): void {
    clearTimeout(typing)
    if (text.value !== query.value) start()
    const line = lineAsked(query.value)
    if (line !== null) {
      current.value = line
      void view.show(line)
    } else if (query.value !== '')
      void jump(direction, current.value ?? (direction === 1 ? view.top() - 1 : view.top()))
  }

  return {
    text,
    query,
    matches,
    isCounted,
    isFull,
    isBusy,
    current,
    place,
    wrong,
    next: () => go(1),
    previous: () => go(-1),
  }
}
