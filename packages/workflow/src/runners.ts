/**
 * Whether an agent with these labels takes a job that asks for `runsOn`: it must have all of them. GitHub's names for
 * its Linux machines (`ubuntu-latest`, `ubuntu-24.04`, `ubuntu-slim`) ask for any agent with the label `linux`, those
 * that end in `-arm` also for `arm64`; `self-hosted` is what every agent is. Case makes no difference.
 */
export function matchesRunner(runsOn: string[], labels: string[]): boolean {
  const has = new Set(labels.map((label) => label.trim().toLowerCase()))
  const wanted = runsOn.map((label) => label.trim().toLowerCase())
  return (
    wanted.length > 0 && wanted.every((label) => has.has(label) || label === 'self-hosted' || meansLinux(label, has))
  )
}

function meansLinux(label: string, has: Set<string>): boolean {
  if (!/^ubuntu-[a-z0-9.-]+$/.test(label) || !has.has('linux')) return false
  return !label.endsWith('-arm') || has.has('arm64')
}
