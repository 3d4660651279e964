/** How shells say that there is no such program: `ci.sh: line 3: jq: command not found`, `sh: 1: jq: not found`. */
const notFound = /(?:^|[\s:])([A-Za-z0-9][\w.+-]{0,60}): (?:command )?not found$/

/** Actions that bring a tool which GitHub's machines simply have. */
const bringers: Record<string, string> = {
  bun: 'oven-sh/setup-bun',
  bundle: 'ruby/setup-ruby',
  cargo: 'dtolnay/rust-toolchain',
  composer: 'shivammathur/setup-php',
  deno: 'denoland/setup-deno',
  dotnet: 'actions/setup-dotnet',
  go: 'actions/setup-go',
  gradle: 'gradle/actions/setup-gradle',
  java: 'actions/setup-java',
  just: 'extractions/setup-just',
  mvn: 'actions/setup-java',
  php: 'shivammathur/setup-php',
  pip: 'actions/setup-python',
  pnpm: 'pnpm/action-setup',
  poetry: 'abatilo/actions-poetry',
  python: 'actions/setup-python',
  python3: 'actions/setup-python',
  ruby: 'ruby/setup-ruby',
  rustup: 'dtolnay/rust-toolchain',
  terraform: 'hashicorp/setup-terraform',
  uv: 'astral-sh/setup-uv',
  yarn: 'actions/setup-node with a run of "corepack enable"',
}

const own: Record<string, string> = {
  docker: 'It needs the Docker executor; do the same without a container.',
  sudo: 'Steps have no more rights here; what needs them belongs on the host.',
  'apt-get': 'Steps cannot install packages of the system; install them on the host.',
}

/** The program that a line of output says is not there. */
export const missingTool = (line: string): string | null => notFound.exec(line.trimEnd())?.[1] ?? null

/** What to do about a program that is not on the host, in one sentence. */
export function adviceFor(tool: string): string {
  if (Object.hasOwn(own, tool)) return own[tool]!
  if (Object.hasOwn(bringers, tool)) return `Add a step before it that brings it, such as uses: ${bringers[tool]}.`
  return 'Install it on the host of the agent, or add a step before it that brings it.'
}
