import type { StepUser } from './folders.ts'

export interface UserProgram {
  /** After the program itself ended; its background processes may live on until the job ends. */
  exited: Promise<{ code: number | null; signal: string | null; reason: string | null }>
  /** Asks the whole tree to end, and ends it when `graceMs` are over. Resolves when nothing of it is left. */
  terminate(graceMs: number): Promise<void>
}

/** Programs of the step's user, inside whatever isolation this host has, for one job. */
export interface UserPrograms {
  /** Null: the agent's own user. */
  user: StepUser | null
  /** Both outputs go to `output`, the path of a pipe or file that the user may write to. */
  start(options: { argv: string[]; cwd: string; env: Record<string, string>; output: string }): Promise<UserProgram>
  /**
   * Runs git as the step's user and returns what it printed; `before` are commands that must succeed first, one after
   * the other. Throws with the last words.
   */
  git(
    args: string[],
    options: { signal: AbortSignal; acceptFailure?: boolean; before?: string[][]; env?: Record<string, string> },
  ): Promise<string>
  /** Makes what the first program needs, so that it starts sooner. A failure shows when it starts. */
  prepare(): void
  /** Packs a folder as the step's user sees it into a file of the agent's. */
  pack(
    root: string,
    into: string,
    options: { exclude: string[]; workspace: string; signal: AbortSignal },
  ): Promise<{ digest: string; bytes: number; description: Record<string, string>; listing: string[] }>
  /** Ends whatever of this job is still running. */
  endAll(): Promise<void>
}
