/**
 * Named crash points: one between any two durable writes or outside effects. In a test, `JUANIE_CRASH_POINT=<name>`
 * (or `<name>#3` for the third time it is reached) ends the process there as kill -9 would. In production this is one
 * comparison with null.
 */
let target: { name: string; left: number; end: (name: string) => void } | null = null

/** `end` is how it ends; a test inside one process throws where a real one dies. */
export function armCrashPoint(setting: string | undefined, end: (name: string) => void = die): void {
  if (!setting) {
    target = null
    return
  }
  const [name = '', count = '1'] = setting.split('#')
  target = { name, left: Math.max(1, Number.parseInt(count, 10) || 1), end }
}

/** Marks a place where the process may die. */
export function crashPoint(name: string): void {
  if (target === null || target.name !== name) return
  target.left--
  if (target.left > 0) return
  const { end } = target
  target = null
  end(name)
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // SIGKILL to oneself is delivered before the next system call returns, yet not before the next instruction.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
}
