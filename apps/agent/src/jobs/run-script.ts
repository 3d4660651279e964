import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type EvaluationOptions, evaluateTemplate, type RunStep } from '@juanie/workflow'
import type { StepContext, StepEnd } from './job-parts.ts'
import { adviceFor } from './missing-tools.ts'
import { ShellError, shellCommand } from './shells.ts'
import { writeUserFile } from './user-file.ts'

/** Between asking a step's processes to end and ending them. */
const graceMs = 5_000
const againMs = 20
/** What shells end with when there is no such program. */
const notFoundCode = 127

/** Runs the script of a `run` step in its shell. */
export async function runScript(step: RunStep, context: StepContext, options: EvaluationOptions): Promise<StepEnd> {
  const { parts, contexts, key, signal } = context
  const { folders, programs, job } = parts
  const fill = (text: string) => evaluateTemplate(text, contexts, options)
  // The defaults of a workflow say nothing of the actions that it uses.
  const defaults = context.scope.composite ? {} : { ...job.workflow.defaults, ...job.instance.job.defaults }
  const shell = step.shell ?? defaults.shell
  const folder = step.workingDirectory ?? defaults.workingDirectory
  const text = fill(step.run)
  let argv: string[]
  try {
    argv = shellCommand(shell === undefined ? undefined : fill(shell), (extension) => {
      const script = join(folders.files, `${key}-script${extension}`)
      writeUserFile(script, text.endsWith('\n') ? text : `${text}\n`, { user: programs.user, mode: 0o700 })
      return script
    })
  } catch (error) {
    if (!(error instanceof ShellError)) throw error
    return { outcome: 'failure', exitCode: null, reason: error.message }
  }
  const cwd = resolve(folders.workspace, folder === undefined ? '.' : fill(folder))
  const end = await runToEnd({ argv, cwd, env: context.environment }, { programs, pipe: context.pipe, signal })
  const { missing } = context.log
  if (end.exitCode !== notFoundCode || missing === null) return end
  return { ...end, reason: `"${missing}" is not on this machine. ${adviceFor(missing)}` }
}

/** Starts a program with its output in the job's pipe and waits until both are over. */
export async function runToEnd(
  program: { argv: string[]; cwd: string; env: Record<string, string> },
  { programs, pipe, signal }: Pick<StepContext, 'pipe' | 'signal'> & { programs: StepContext['parts']['programs'] },
): Promise<StepEnd> {
  const started = await programs.start({ ...program, output: pipe.path })
  let ending: Promise<void> | null = null
  let isOver = false
  // A program that has only been asked for is not there to be ended yet.
  const endAll = async () => {
    do {
      await started.terminate(graceMs)
      if (!isOver) await pause(againMs)
    } while (!isOver)
  }
  const end = () => {
    ending ??= endAll()
  }
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    const exit = await started.exited
    isOver = true
    await ending
    await pipe.drained()
    if (exit.code === 0) return { outcome: 'success', exitCode: 0, reason: null }
    const reason =
      exit.reason ??
      (exit.signal ? `The command was ended by ${exit.signal}.` : `The command ended with exit code ${exit.code}.`)
    return { outcome: 'failure', exitCode: exit.code, reason }
  } finally {
    signal.removeEventListener('abort', end)
  }
}
