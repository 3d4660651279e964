import { onScopeDispose, ref } from 'vue'

export interface Shortcut {
  /** `mod+k`, `?`, `shift+n`, or two keys in a row: `g r`. */
  keys: string
  /** Key of the sentence that the help sheet shows. */
  label: string
  run: () => void
}

const active = ref<Shortcut[]>([])
/** Those that hold on the page that is shown, for the help sheet. */
export const shortcuts = active

const isApple = /Mac|iP(hone|ad|od)/.test(globalThis.navigator?.platform ?? '')

/** What is written on the keys of this machine's keyboard. */
export const keysOf = (keys: string): string[] =>
  keys.startsWith('mod+') ? [isApple ? '⌘' : 'Ctrl', keys.slice(4).toUpperCase()] : keys.split(/[ +]/)

const chordMs = 1_200
let before: { key: string; at: number } | null = null

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return
  const isCommand = event.metaKey || event.ctrlKey
  const key = event.key.toLowerCase()
  if (isCommand) {
    fire(`mod+${key}`, event)
    return
  }
  // A dialog has the keys for itself.
  if (isTyping(event.target) || document.querySelector('[role=dialog],[role=alertdialog],[role=menu]')) return
  // What takes a shift to be typed, such as `?`, is named by itself.
  if (event.shiftKey && /^[a-z]$/.test(key)) {
    before = null
    fire(`shift+${key}`, event)
    return
  }
  const chord = before && performance.now() - before.at < chordMs ? `${before.key} ${key}` : null
  before = { key, at: performance.now() }
  if (chord && fire(chord, event)) return
  fire(key, event)
}

function fire(keys: string, event: KeyboardEvent): boolean {
  const found = active.value.findLast((shortcut) => shortcut.keys === keys)
  if (!found) return false
  event.preventDefault()
  before = null
  found.run()
  return true
}

/** Holds while the component lives; of two with the same keys the later one holds. */
export function useShortcuts(own: Shortcut[]): void {
  if (active.value.length === 0) addEventListener('keydown', press)
  active.value = [...active.value, ...own]
  onScopeDispose(() => {
    active.value = active.value.filter((shortcut) => !own.includes(shortcut))
    if (active.value.length === 0) removeEventListener('keydown', press)
  })
}
