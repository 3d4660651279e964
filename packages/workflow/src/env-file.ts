interface EnvFile {
  /** In the order of the file; of two with one name the later counts. */
  values: Record<string, string>
  /** Each makes the step fail, as on GitHub. Values are not quoted: they may be secret. */
  errors: string[]
  /** Names that were not taken; the step goes on. */
  warnings: string[]
}

/** What one step may hand over; more is a mistake, and every value is kept for the rest of the run. */
const maxLength = 10 * 1024 * 1024

/**
 * Reads the file behind GITHUB_ENV, GITHUB_OUTPUT or GITHUB_STATE: lines `name=value`, or `name<<DELIMITER`, the lines
 * of the value, and the delimiter on a line of its own. Of an environment file, NODE_OPTIONS and the variables that the
 * runner sets anew for every step are not taken; a name such as GITHUB_TOKEN is.
 */
export function parseEnvFile(text: string, kind: 'env' | 'output' | 'state' = 'env'): EnvFile {
  const values = new Map<string, string>()
  const errors: string[] = []
  const warnings: string[] = []
  if (text.length > maxLength) {
    return { values: {}, errors: [`The file has ${text.length} characters; at most ${maxLength} are taken.`], warnings }
  }
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  for (let index = 0; index < lines.length; index++) {
    const number = index + 1
    const line = lines[index]!
    if (line === '' || line === '\r') continue
    const equals = line.indexOf('=')
    const heredoc = line.indexOf('<<')
    let name: string
    let value: string
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      name = line.slice(0, equals)
      value = line.slice(equals + 1)
    } else if (heredoc >= 0) {
      name = line.slice(0, heredoc)
      const delimiter = line.slice(heredoc + 2)
      const end = delimiter === '' ? -1 : lines.indexOf(delimiter, index + 1)
      if (end < 0) {
        const reason = delimiter === '' ? 'names no delimiter' : 'opens a value whose delimiter does not come'
        errors.push(`Line ${number} ${reason}; write name<<DELIMITER, the value, and DELIMITER on a line of its own.`)
        break
      }
      value = lines.slice(index + 1, end).join('\n')
      index = end
    } else {
      errors.push(`Line ${number} is neither name=value nor name<<DELIMITER.`)
      continue
    }
    if (name === '') errors.push(`Line ${number} has no name in front of its value.`)
    else if (name.includes('\0') || value.includes('\0')) errors.push(`Line ${number} holds a NUL character.`)
    else if (kind === 'env' && isReserved(name)) warnings.push(`'${name}' cannot be set through GITHUB_ENV.`)
    else values.set(name, value)
  }
  return { values: Object.fromEntries(values), errors, warnings }
}

const runnerNames = new Set(
  `ACTION ACTION_PATH ACTION_REF ACTION_REPOSITORY ACTIONS ACTOR ACTOR_ID API_URL BASE_REF ENV EVENT_NAME EVENT_PATH
  GRAPHQL_URL HEAD_REF JOB OUTPUT PATH REF REF_NAME REF_PROTECTED REF_TYPE REPOSITORY REPOSITORY_ID REPOSITORY_OWNER
  REPOSITORY_OWNER_ID RETENTION_DAYS RUN_ATTEMPT RUN_ID RUN_NUMBER SERVER_URL SHA STATE STEP_SUMMARY TRIGGERING_ACTOR
  WORKFLOW WORKFLOW_REF WORKFLOW_SHA WORKSPACE`
    .split(/\s+/)
    .map((name) => `GITHUB_${name}`),
)

function isReserved(name: string): boolean {
  const upper = name.toUpperCase()
  return upper === 'NODE_OPTIONS' || upper.startsWith('RUNNER_') || runnerNames.has(upper)
}

/**
 * Reads the file behind GITHUB_PATH: one folder a line. Later folders come first on PATH; the result is in the order
 * in which they are to be searched, without repeats.
 */
export function parsePathFile(text: string): string[] {
  const folders = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '' && !line.includes('\0'))
  return [...new Set(folders.reverse())]
}
