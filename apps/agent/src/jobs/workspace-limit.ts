import { execFile } from 'node:child_process'

const lookMs = 10_000
const answerMs = 60_000

/**
 * Looks every ten seconds how much the folder holds on disk, and calls `over` once when it is more than `limitBytes`.
 * `du` asks the disk and not this process, whose event loop has other things to do. Returns what ends the watching.
 */
export function watchSize(folder: string, options: { limitBytes: number; over(): void; everyMs?: number }): () => void {
  let isEnded = false
  let timer: NodeJS.Timeout
  const again = () => {
    timer = setTimeout(look, options.everyMs ?? lookMs)
    timer.unref()
  }
  const look = () => {
    execFile('du', ['-sk', '--', folder], { timeout: answerMs }, (_error, stdout) => {
      if (isEnded) return
      // Files that vanish meanwhile make `du` complain, and its sum is good all the same.
      if (Number.parseInt(stdout, 10) * 1024 > options.limitBytes) options.over()
      else again()
    })
  }
  again()
  return () => {
    isEnded = true
    clearTimeout(timer)
  }
}
