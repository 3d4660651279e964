/** What this browser keeps. It may forbid that (the access itself throws) or be full: then choices last as long as the page. */
const held = new Map<string, string>()

export function readKept(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? held.get(key) ?? null
  } catch {
    return held.get(key) ?? null
  }
}

/** Null forgets. */
export function keep(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
    held.delete(key)
  } catch {
    if (value === null) held.delete(key)
    else held.set(key, value)
  }
}
