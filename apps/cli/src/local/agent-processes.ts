import { type ProcessFacts, processes } from '@juanie/core/process-identity'

/** Every process that an agent starts for users carries it. */
const marker = 'JUANIE_PROCESS='

/**
 * What agents keep running, by the folder of the agent: edge, steps and applications work in it, or were started with a
 * path in it. Who only looks at it is none of these: a shell in that folder, an editor or a `tail` in a terminal, and
 * whatever asks for this.
 */
export function agentProcesses(folder: string): ProcessFacts[] {
  const inside = (path: string) => path === folder || path.startsWith(`${folder}/`)
  const all = [...processes()]
  const asking = ancestors(all)
  return all.filter((one) => {
    if (asking.has(one.pid)) return false
    const isMarked = one.environ.split('\0').some((entry) => entry.startsWith(marker))
    if (one.cwd !== null && inside(one.cwd)) return isMarked || !one.hasTerminal
    return isMarked && one.command.split(' ').some(inside)
  })
}

/** This process and those that it was started from. */
function ancestors(all: ProcessFacts[]): Set<number> {
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]))
  const found = new Set<number>()
  for (let pid = process.pid; pid > 0 && !found.has(pid); pid = parents.get(pid) ?? 0) found.add(pid)
  return found
}
