/** How each `shell:` word starts a script, as GitHub documents it; `{0}` is the script's file. */
const known: Record<string, { argv: string[]; extension: string }> = {
  bash: { argv: ['bash', '--noprofile', '--norc', '-eo', 'pipefail', '{0}'], extension: '.sh' },
  sh: { argv: ['sh', '-e', '{0}'], extension: '.sh' },
  pwsh: { argv: ['pwsh', '-NoLogo', '-NonInteractive', '-File', '{0}'], extension: '.ps1' },
  python: { argv: ['python3', '{0}'], extension: '.py' },
}

/** Without `shell:` pipefail is off, as on GitHub. */
const unspecified = { argv: ['bash', '-e', '{0}'], extension: '.sh' }

const windowsShells = ['powershell', 'cmd']

export class ShellError extends Error {}

/** The program and arguments for a script; throws `ShellError` for a template without `{0}`. */
export function shellCommand(shell: string | undefined, script: (extension: string) => string): string[] {
  if (shell !== undefined && windowsShells.includes(shell.trim())) {
    throw new ShellError(`shell: "${shell.trim()}" exists on Windows only. Use bash, sh, pwsh or python here.`)
  }
  const chosen = shell === undefined ? unspecified : (known[shell.trim()] ?? template(shell))
  const file = script(chosen.extension)
  return chosen.argv.map((word) => word.replaceAll('{0}', file))
}

function template(shell: string): { argv: string[]; extension: string } {
  const argv = shell.trim().split(/\s+/)
  if (!shell.includes('{0}')) {
    throw new ShellError(
      `shell: "${shell}" is unknown. Use bash, sh, pwsh, python, or a template that holds {0} for the script, such as "node {0}".`,
    )
  }
  const program = argv[0] ?? ''
  return { argv, extension: program.endsWith('node') ? '.js' : program.includes('python') ? '.py' : '' }
}
