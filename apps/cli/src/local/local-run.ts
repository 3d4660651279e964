import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { localRunProgram } from '@juanie/core/local-agent'
import type { LocalRun, LocalRunEvent, LocalRunRequest } from '@juanie/services/local-runs/contract'
import { CommandError } from '../exit.ts'
import { say } from '../output.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Has the agent's program run a workflow, and hears what it tells. What it is asked travels in its input, for secrets
 * are among it; the input stays open, so that it notices when this process is gone. A first signal asks the run to end,
 * a second one ends it.
 */
export async function runLocally(
  root: string,
  request: LocalRunRequest,
  hear: (event: LocalRunEvent) => void,
): Promise<LocalRun> {
  // In a session of its own: a Ctrl-C of the terminal reaches this process alone, which passes it on.
  const child = spawn(process.execPath, [localRunProgram(root)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  let isAsked = false
  const pass = (signal: (typeof signals)[number]) => {
    say(isAsked ? 'It is ended now.' : 'It is asked to end; once more ends it at once.')
    isAsked = true
    child.kill(signal)
  }
  for (const signal of signals) process.on(signal, pass)
  try {
    child.stdin.on('error', () => {})
    child.stdin.write(`${JSON.stringify(request)}\n`)
    let ended: LocalRun | null = null
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })) {
      const event = parsed(line)
      if (event === null) break
      hear(event)
      if (event.kind === 'ended') ended = event.run
    }
    const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once('exit', resolve)))
    if (ended) return ended
    throw new CommandError(
      code === null ? 'The program that runs workflows was killed.' : 'The run has come to no end.',
    )
  } finally {
    child.stdin.destroy()
    for (const signal of signals) process.off(signal, pass)
  }
}

/** Null for what is left of a line when its program died over it. */
function parsed(line: string): LocalRunEvent | null {
  try {
    return JSON.parse(line) as LocalRunEvent
  } catch {
    return null
  }
}
