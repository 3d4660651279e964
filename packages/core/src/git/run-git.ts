import { spawn } from 'node:child_process'
import { AppError } from '../errors.ts'
import { gitEnvironment } from './environment.ts'

export interface GitResult {
  code: number
  stdout: Buffer
  stderr: string
}

const usualTimeoutMs = 30_000
const maxOutput = 64 * 1024 * 1024

/**
 * Runs one short git command. `codes` are the exit codes that are answers; any other throws `unavailable` with git's
 * first words.
 */
export function runGit(
  folder: string,
  args: string[],
  options: {
    input?: string
    codes?: number[]
    settings?: Record<string, string>
    timeoutMs?: number
    signal?: AbortSignal
    /** Over those that hold for every git, such as GIT_INDEX_FILE. */
    env?: Record<string, string>
  } = {},
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', ['-C', folder, ...args], {
      env: { ...gitEnvironment(options.settings), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? usualTimeoutMs,
      killSignal: 'SIGKILL',
      ...(options.signal && { signal: options.signal }),
    })
    const chunks: Buffer[] = []
    let size = 0
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxOutput) child.kill('SIGKILL')
      else chunks.push(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < 4000) stderr += chunk.toString('utf8')
    })
    child.once('error', (cause) => reject(failed(args, cause.message, cause)))
    child.once('close', (code) => {
      if (code !== null && (options.codes ?? [0]).includes(code)) {
        resolve({ code, stdout: Buffer.concat(chunks), stderr })
      } else reject(failed(args, firstWords(stderr) || `it ended with ${code ?? 'a signal'}`))
    })
    // A git that ends before it has read everything is judged by its exit code.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}

/** What the other side has to say comes first, and what git makes of it after. */
function firstWords(stderr: string): string | undefined {
  const lines = stderr.trim().split('\n')
  return lines.find((line) => line.startsWith('fatal: ')) ?? lines[0]
}

const failed = (args: string[], why: string, cause?: unknown) =>
  new AppError('unavailable', 'git.failed', { message: `git ${args[0]} failed: ${why}`, cause })
