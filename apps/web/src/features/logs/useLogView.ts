import { nextTick, onScopeDispose, type Ref, ref, shallowReactive, shallowRef, watch } from 'vue'
import { useRefusals } from '@/lib/actions.ts'
import { columnsOf } from './dress.ts'
import { Folds, groupsOf } from './folds.ts'
import { Geometry } from './geometry.ts'
import { Pages, pageLines } from './pages.ts'
import { cutAt, type LogLine, type LogSource, type Part } from './source.ts'

const rowHeight = 20
/** More heights than these are forgotten. */
const mostHeights = 20_000

interface Options {
  scroller: Ref<HTMLElement | null>
  isWrapped: Ref<boolean>
  isLive: Ref<boolean>
  /** Pixels of the text column. */
  columns: Ref<number>
}

/** Which lines are seen, and how reading, following and folding move them. */
export function useLogView(source: LogSource, { scroller, isWrapped, isLive, columns }: Options) {
  const { sentenceOf } = useRefusals()
  const pages = new Pages()
  const folds = shallowRef(new Folds([], () => false))
  const unfolded = shallowReactive(new Set<number>())
  const wholes = shallowReactive(new Map<number, string>())
  /** Heights of lines that were seen, and guesses of those that were not. */
  const heights = new Map<number, number>()
  const guesses = new Map<number, number>()
  const screen = ref(0)
  const shown = shallowRef<number[]>([])
  const above = ref(0)
  const height = ref(0)
  const isReady = ref(false)
  const isFollowing = ref(isLive.value)
  const isAtEnd = ref(true)
  const wrong = ref<string | null>(null)
  const abort = new AbortController()
  let loading: { from: number; abort: AbortController } | null = null
  let stopFollowing: (() => void) | null = null
  let lastTop = 0
  let queued = 0
  let isGrowing = false

  const hiddenBefore = () => folds.value.shownUpTo(source.first.value - 1)
  const lineOf = (row: number) => folds.value.lineAt(row + 1 + hiddenBefore())
  const rowOf = (line: number) => folds.value.shownUpTo(line) - 1 - hiddenBefore()
  const geometry = new Geometry({
    count: () => folds.value.shownUpTo(source.total.value) - hiddenBefore(),
    heightOf: (row) => (isWrapped.value ? heightOfLine(lineOf(row)) : rowHeight),
    usual: () => rowHeight,
    screen: () => screen.value,
    isEven: () => !isWrapped.value,
  })

  function heightOfLine(line: number): number {
    const measured = heights.get(line)
    if (measured !== undefined) return measured
    const known = pages.line(line)
    if (!known || columns.value <= 0) return rowHeight
    const guessed = guesses.get(line)
    if (guessed !== undefined) return guessed
    const guess = rowHeight * Math.max(1, Math.ceil(columnsOf(wholes.get(line) ?? known.text) / columns.value))
    guesses.set(line, guess)
    return guess
  }

  /** Shows what is to be seen now, and asks for what of it is not there. */
  function draw(): void {
    const { from, to } = geometry.seen()
    shown.value = Array.from({ length: to - from }, (_, index) => lineOf(from + index))
    above.value = geometry.above
    height.value = geometry.height
    isAtEnd.value = geometry.isAtEnd
    load()
    void nextTick(settle)
  }

  /** At most once a frame, for what comes by itself. */
  function redraw(): void {
    if (queued === 0) {
      queued = requestAnimationFrame(() => {
        queued = 0
        if (isFollowing.value) geometry.toEnd()
        draw()
      })
    }
  }

  /** After the rows stand: takes their true heights, and brings the scroll bar to where the rows are. */
  function settle(): void {
    const element = scroller.value
    if (!element) return
    if (isWrapped.value && measure(element)) {
      if (isFollowing.value) geometry.toEnd()
      else geometry.clamp()
      draw()
      return
    }
    const top = geometry.scrollTop
    if (Math.abs(element.scrollTop - top) >= 1 && !isMoving) element.scrollTop = top
    lastTop = element.scrollTop
  }

  /** True when a height was not what it was thought to be. */
  function measure(element: HTMLElement): boolean {
    if (heights.size > mostHeights) heights.clear()
    if (guesses.size > mostHeights) guesses.clear()
    let isChanged = false
    let held = 0
    for (const row of element.querySelectorAll<HTMLElement>('[data-line]')) {
      const line = Number(row.dataset.line)
      const before = heightOfLine(line)
      const now = row.offsetHeight
      if (pages.line(line)) heights.set(line, now)
      if (now === before) continue
      isChanged = true
      if (holding && rowOf(line) < holding) held += now - before
    }
    holding = null
    if (held !== 0) geometry.moveBy(held)
    return isChanged
  }

  /** Rows above this one came into sight: when they are higher than thought, it stays where it is. */
  let holding: number | null = null
  let isMoving = false
  let rest: ReturnType<typeof setTimeout> | undefined

  function onScroll(): void {
    const element = scroller.value
    if (!element || !isReady.value) return
    const top = element.scrollTop
    if (top === lastTop) return
    const isUp = top < lastTop
    if (isUp) holding = geometry.row
    geometry.scrolled(lastTop, top)
    lastTop = top
    // The bar is not drawn back while somebody moves it, unless it is at an end that the rows are not at.
    const isStuck = (top <= 0 || top >= geometry.height - screen.value - 1) && !geometry.isExact
    isMoving = !isStuck
    clearTimeout(rest)
    rest = setTimeout(() => {
      isMoving = false
      settle()
    }, 150)
    isFollowing.value = isUp ? false : geometry.isAtEnd && isLive.value
    draw()
    void grow()
  }

  /** Of a log that is shown by a stretch: makes it longer where the reader comes near its end. */
  async function grow(): Promise<void> {
    const { window: part } = source
    if (!part || isGrowing) return
    const isOlder = geometry.row < pageLines / 2 && part.hasOlder.value
    const isNewer = !part.isAtTail.value && geometry.seen().to > source.total.value - source.first.value - pageLines / 2
    if (!isOlder && !isNewer) return
    isGrowing = true
    try {
      const before = source.first.value
      pages.put(await (isOlder ? part.older(abort.signal) : part.newer(abort.signal)))
      geometry.row += before - source.first.value
      draw()
    } catch (error) {
      if (!abort.signal.aborted) wrong.value = sentenceOf(error)
    } finally {
      isGrowing = false
    }
  }

  /** Reads the lines that are seen, then those around them. One call at a time; what is no more seen is not waited for. */
  function load(): void {
    const first = shown.value[0]
    const last = shown.value.at(-1)
    if (first === undefined || last === undefined) return
    const seen = missingOf(shown.value)
    const { first: low, total: high } = source
    const near =
      seen ?? pages.missing(Math.max(low.value, first - pageLines / 2), Math.min(high.value, last + pageLines / 2))
    if (!near) return
    if (loading) {
      if (loading.from === near.from || !seen) return
      loading.abort.abort()
    }
    const own = { from: near.from, abort: new AbortController() }
    loading = own
    source.lines(near.from, near.count, AbortSignal.any([own.abort.signal, abort.signal])).then(
      (part) => {
        if (loading === own) loading = null
        wrong.value = null
        pages.put(part)
        if (part.lines.length > 0) redraw()
      },
      (error: unknown) => {
        if (loading !== own) return
        loading = null
        if (abort.signal.aborted) return
        wrong.value = sentenceOf(error)
        setTimeout(() => !abort.signal.aborted && load(), 2_000)
      },
    )
  }

  /** Folded lines between the rows need not be read. */
  function missingOf(lines: number[]): { from: number; count: number } | null {
    const gap = lines.find((line) => !pages.line(line))
    return gap === undefined ? null : pages.missing(gap, Math.min(source.total.value, gap + pageLines - 1))
  }

  function fold(): void {
    folds.value = new Folds(source.marks.value, ({ start }) => !unfolded.has(start))
  }

  /** Folds or unfolds while one line stays where it is on the screen. */
  function holdLine(line: number, change: () => void): void {
    let y = -geometry.above
    for (let row = geometry.row; row < rowOf(line); row++) y += isWrapped.value ? heightOfLine(lineOf(row)) : rowHeight
    change()
    fold()
    geometry.row = Math.max(0, rowOf(line))
    geometry.above = 0
    geometry.moveBy(-Math.max(0, Math.min(y, screen.value - rowHeight)))
    isFollowing.value = isFollowing.value && geometry.isAtEnd
    draw()
  }

  function toggle(line: number): void {
    holdLine(line, () => {
      if (!unfolded.delete(line)) unfolded.add(line)
    })
  }

  function foldAll(isFolded: boolean): void {
    holdLine(lineOf(geometry.row), () => {
      unfolded.clear()
      if (!isFolded) for (const { start } of folds.value.groups) unfolded.add(start)
    })
  }

  /** Brings a line into sight and leaves the end of the log for it. */
  async function show(line: number): Promise<void> {
    isFollowing.value = false
    if (source.window && (line < source.first.value || line > source.total.value)) {
      if (!(await move(() => source.window!.reach(line, abort.signal)))) return
    }
    const target = Math.max(source.first.value, Math.min(line, source.total.value))
    const group = folds.value.isHidden(target) ? folds.value.groupOf(target) : null
    if (group) {
      unfolded.add(group.start)
      fold()
    }
    const row = rowOf(target)
    const { from, to } = geometry.seen()
    if (group || row <= from || row >= to - 2) geometry.show(row)
    draw()
    void grow()
  }

  function toStart(): void {
    isFollowing.value = false
    geometry.jump(0)
    draw()
    void grow()
  }

  async function toEnd(): Promise<void> {
    if (source.window?.isAtTail.value === false && !(await move(() => source.window!.tail(abort.signal)))) return
    isFollowing.value = isLive.value
    geometry.toEnd()
    draw()
  }

  /** Shows another stretch of the log; false when it could not be read. */
  async function move(read: () => Promise<Part>): Promise<boolean> {
    try {
      pages.put(await read())
      geometry.jump(0)
      return true
    } catch (error) {
      if (!abort.signal.aborted) wrong.value = sentenceOf(error)
      return false
    }
  }

  async function showWhole(line: number): Promise<void> {
    try {
      const known = pages.line(line)
      wholes.set(line, known && known.length <= cutAt ? known.text : await source.whole(line, abort.signal))
      heights.delete(line)
      guesses.delete(line)
      draw()
    } catch (error) {
      if (!abort.signal.aborted) wrong.value = sentenceOf(error)
    }
  }

  const lineAt = (line: number): LogLine | undefined => {
    const known = pages.line(line)
    const whole = wholes.get(line)
    return known && whole !== undefined ? { ...known, text: whole, length: whole.length } : known
  }

  /** Groups that hold an error are open from the beginning, and so is one that is still being written. */
  function unfoldWhatMatters(): void {
    const { groups } = groupsOf(source.marks.value)
    const all = new Folds(source.marks.value, () => false)
    for (const { kind, line } of source.marks.value) {
      const group = kind === 'error' ? all.groupOf(line) : null
      if (group) unfolded.add(group.start)
    }
    const last = groups.at(-1)
    if (last?.end === null && isLive.value) unfolded.add(last.start)
  }

  async function open(at: 'start' | 'end' | number): Promise<void> {
    try {
      wrong.value = null
      const part = await source.open(at, abort.signal)
      pages.put(part)
      unfoldWhatMatters()
      fold()
      isReady.value = true
      if (typeof at === 'number') await show(at)
      else if (at === 'end') await toEnd()
      else toStart()
      listen()
    } catch (error) {
      if (!abort.signal.aborted) wrong.value = sentenceOf(error)
    }
  }

  /** Follows a log that is written, while its end is in the stretch that is shown. */
  function listen(): void {
    const isWanted = isReady.value && isLive.value && source.window?.isAtTail.value !== false
    if (!isWanted) return
    stopFollowing ??= source.follow((part: Part) => {
      pages.put(part)
      redraw()
    })
  }

  watch(source.marks, (now, before) => {
    if (!isReady.value) return
    const fresh = groupsOf(now.slice(before.length))
    // What is being written stays open, also when it is over: nothing is folded under the eyes of a reader.
    for (const { start } of fresh.groups) unfolded.add(start)
    if (fresh.groups.length > 0 || fresh.ends.length > 0) fold()
  })
  watch(isLive, listen)
  if (source.window) {
    watch(source.window.isAtTail, (now) => {
      if (now) return listen()
      stopFollowing?.()
      stopFollowing = null
    })
  }
  watch([screen, isWrapped, columns], () => {
    heights.clear()
    guesses.clear()
    if (!isReady.value) return
    if (isFollowing.value) geometry.toEnd()
    else geometry.clamp()
    draw()
  })
  onScopeDispose(() => {
    abort.abort()
    loading?.abort.abort()
    stopFollowing?.()
    cancelAnimationFrame(queued)
    clearTimeout(rest)
  })

  return {
    screen,
    shown,
    above,
    height,
    isReady,
    isFollowing,
    isAtEnd,
    wrong,
    folds,
    unfolded,
    wholes,
    lineAt,
    lookAt: (line: number) => pages.lookAt(line),
    top: () => shown.value[0] ?? 1,
    /** The line that is shown so many rows below another. */
    beside: (line: number, rows: number) =>
      lineOf(Math.max(0, Math.min(rowOf(line) + rows, rowOf(source.total.value)))),
    bottom: () => shown.value.at(-1) ?? 1,
    rowShare: (line: number) => rowOf(line) / Math.max(1, folds.value.shownUpTo(source.total.value) - hiddenBefore()),
    onScroll,
    open,
    show,
    showWhole,
    toggle,
    foldAll,
    toStart,
    toEnd,
  }
}
