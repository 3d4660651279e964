import { readFileSync } from 'node:fs'

/** Resolves with the signal that asks the server to end; a further one changes nothing, the end has its own limit. */
export function endOfServing(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      if (signal !== 'SIGHUP' || !isHangUpIgnored()) process.on(signal, () => resolve(signal))
    }
  })
}

/** Under `nohup` the server must go on when its terminal closes; a listener of ours would undo that. */
function isHangUpIgnored(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
    return (BigInt(`0x${mask}`) & 1n) === 1n
  } catch {
    return false
  }
}
