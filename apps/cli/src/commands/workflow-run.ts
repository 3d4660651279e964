import { execFileSync } from 'node:child_process'
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { relative, resolve, sep } from 'node:path'
import { loadClientConfig } from '@juanie/core/client-config'
import { loadConfig } from '@juanie/core/config'
import { plain } from '@juanie/core/text'
import type { LocalRun, LocalRunRequest } from '@juanie/services/local-runs/contract'
import { dispatchInputs, isBlocked, type Problem, type Workflow } from '@juanie/workflow'
import { type Command, Option } from 'commander'
import { CommandError, exitCodes, usageError } from '../exit.ts'
import { runLocally } from '../local/local-run.ts'
import { printJson, say } from '../output.ts'
import { endOf, reasonOf } from '../reasons.ts'
import { type Chosen, candidate, chooseAlone, chooseNamed } from '../workflows/choose.ts'
import { readWorkflow, workflowFiles } from '../workflows/files.ts'
import { RunLines } from '../workflows/run-lines.ts'
import { collect, pairs, payloadFrom, secretsFrom } from '../workflows/run-values.ts'
import { type StartOptions, startWorkflow } from './workflow-start.ts'

interface Options extends StartOptions {
  field: string[]
  job: string[]
  event?: string
  eventFile?: string
  input: string[]
  secret: string[]
  secretFile: string[]
  var: string[]
  matrix: string[]
}

/** What may be given several times, and was not. */
const nothing = { job: [], input: [], secret: [], secretFile: [], var: [], matrix: [], field: [] }

const afterwards = `
It runs on a copy of the working tree: what is not committed yet and files that are not ignored are in it, and the tree
itself is not touched. Nothing is released or deployed, and there is no service for caches and artifacts.`

export function addWorkflowRunCommand(workflow: Command): void {
  workflow
    .command('run')
    .description('Run a workflow on the working tree, on this machine; needs no server')
    .argument('[workflow]', 'its file or name; may be left out where only one listens to the event')
    .option('--job <id>', 'only this job and what it needs; may be given several times', collect)
    .option('--event <name>', 'what is to have happened; default: push, else what the workflow listens to')
    .option('--event-file <file>', 'JSON that is laid over github.event')
    .option('--input <name=value>', 'an input of workflow_dispatch; may be given several times', collect)
    .option('--secret <name>', 'a secret of this name in the environment, or name=value', collect)
    .option('--secret-file <file>', 'secrets, a line name=value for each', collect)
    .option('--var <name=value>', 'a variable, read as vars.name', collect)
    .option('--matrix <name=value>', 'of each matrix, only the jobs with this value', collect)
    .option('--json', 'print how it ended as JSON; what it prints goes to standard error')
    // What belongs to `workflow start` means that, here too.
    .addOption(new Option('-p, --project <organization/name>').hideHelp())
    .addOption(new Option('--ref <branch or tag>').hideHelp())
    .addOption(new Option('-f, --field <name=value>').hideHelp().argParser(collect))
    .addOption(new Option('--watch').hideHelp())
    .addHelpText('after', afterwards)
    .action(runWorkflow)
}

async function runWorkflow(named: string | undefined, given: Partial<Options>): Promise<void> {
  const options: Options = { ...nothing, ...given }
  if (options.project || options.ref || options.watch || options.field.length > 0) return startWorkflow(named, options)
  const root = topFolder()
  const chosen = choose(root, named, options)
  tellProblems(chosen)
  const workflow = chosen.parsed.workflow
  if (!workflow) throw new CommandError(`${plain(chosen.file)} cannot be run.`)
  if (isBlocked(workflow)) throw new CommandError(`No job of ${plain(chosen.file)} can run here.`)
  checkJobs(workflow, options.job)
  const request: LocalRunRequest = {
    home: loadClientConfig(process.env).cache,
    root,
    file: chosen.file,
    text: chosen.text,
    event: chosen.event,
    payload: options.eventFile === undefined ? {} : payloadFrom(options.eventFile),
    inputs: inputsOf(chosen, workflow, pairs('--input', options.input)),
    secrets: secretsFrom(options, process.env),
    vars: pairs('--var', options.var),
    jobs: options.job,
    matrix: pairs('--matrix', options.matrix),
  }
  const lines = new RunLines({ isColoured: process.stdout.isTTY && !process.env.NO_COLOR && !options.json })
  const run = await runLocally(loadConfig(process.env).root, request, (event) => {
    for (const { kind, text } of lines.of(event)) {
      if (kind === 'log' && !options.json) process.stdout.write(`${text}\n`)
      else say(text)
    }
  })
  if (options.json) printJson(run)
  conclude(run, request)
}

function topFolder(): string {
  try {
    const found = execFileSync('git', ['rev-parse', '--show-toplevel'], { stdio: ['ignore', 'pipe', 'ignore'] })
    return realpathSync(found.toString('utf8').trimEnd())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new CommandError('There is no git on this machine.')
    throw new CommandError('This folder is not the working tree of a git repository.')
  }
}

function choose(root: string, named: string | undefined, options: Options): Chosen {
  const event = options.event ?? (options.input.length > 0 ? 'workflow_dispatch' : undefined)
  const all = workflowFiles(root).map((path) => candidate(path, readWorkflow(root, path)))
  if (named === undefined) return chooseAlone(all, event)
  // A file that lies elsewhere in the tree.
  const path = relative(root, resolve(named))
  const isOther = !path.startsWith(`..${sep}`) && statSync(resolve(named), { throwIfNoEntry: false })?.isFile()
  if (!isOther) return chooseNamed(all, named, event)
  return chooseNamed([candidate(path, readFileSync(resolve(named), 'utf8'))], path, event)
}

/** What a run would name before it begins. */
function tellProblems({ parsed }: Chosen): void {
  for (const problem of parsed.problems) say(sentenceOf(problem))
}

function sentenceOf({ severity, file, position, message }: Problem): string {
  const place = position ? `:${position.line}:${position.column}` : ''
  return `${severity}: ${plain(file)}${place}: ${plain(message)}`
}

function checkJobs(workflow: Workflow, wanted: string[]): void {
  const ids = workflow.jobs.map(({ id }) => id)
  const unknown = wanted.find((id) => !ids.includes(id))
  if (unknown !== undefined) throw usageError(`--job: there is no job ${plain(unknown)}; there is ${ids.join(', ')}.`)
}

function inputsOf(chosen: Chosen, workflow: Workflow, given: Record<string, string>): Record<string, unknown> {
  if (chosen.event !== 'workflow_dispatch') {
    if (Object.keys(given).length === 0) return {}
    throw usageError(`--input: only a run by workflow_dispatch has inputs, and this one is by ${plain(chosen.event)}.`)
  }
  const { inputs, problems } = dispatchInputs(workflow, given)
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw usageError(`--input: ${errors.map(({ message }) => plain(message)).join(' ')}`)
  return inputs
}

function conclude(run: LocalRun, { matrix }: LocalRunRequest): void {
  const [unmatched] = run.unmatched
  if (unmatched !== undefined) {
    throw new CommandError(`--matrix: no job has ${plain(unmatched)}=${plain(matrix[unmatched] ?? '')}.`)
  }
  if (run.status === 'succeeded' || run.status === 'skipped') return
  const why = run.reason ? `: ${plain(reasonOf(run.reason))}` : ''
  process.exitCode = exitCodes.failed
  say(`The run ${endOf(run.status)}${why}.`)
}
