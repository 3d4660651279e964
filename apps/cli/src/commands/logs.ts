import { plain } from '@juanie/core/text'
import type { Command } from 'commander'
import { api, server } from '../client.ts'
import { CommandError, usageError } from '../exit.ts'
import { say } from '../output.ts'
import { aboutProject, findProject, type ProjectOptions } from '../project.ts'
import { readStream } from '../sse.ts'
import { shown } from '../workflows/run-lines.ts'
import { findRun } from './runs.ts'

interface Options extends ProjectOptions {
  follow?: boolean
  tail?: string
  timestamps?: boolean
}

export function addLogsCommand(program: Command): void {
  aboutProject(program.command('logs').description('Lines of a run, or of what runs in an environment'))
    .argument('<run or environment>', 'number or id of a run, or name of an environment')
    .option('-f, --follow', 'go on with what comes')
    .option('--tail <lines>', 'of an environment: begin with the last lines of each instance')
    .option('-t, --timestamps', 'show when each line was printed')
    .action(logs)
}

async function logs(named: string, options: Options): Promise<void> {
  if (options.tail !== undefined && !/^\d{1,6}$/.test(options.tail))
    throw usageError(`--tail: "${options.tail}" is not a number of lines.`)
  const { id } = await findProject(options)
  if (/^#?\d+$/.test(named) || /^[0-9a-f]{8}-/.test(named)) await ofRun(id, named, options)
  else await ofEnvironment(id, named, options)
}

function print([ms, text]: [number, string], options: Options, prefix = ''): void {
  if (options.json) process.stdout.write(`${JSON.stringify({ at: new Date(ms).toISOString(), text })}\n`)
  else process.stdout.write(`${options.timestamps ? `${new Date(ms).toISOString()} ` : ''}${prefix}${shown(text)}\n`)
}

async function ofRun(projectId: string, named: string, options: Options): Promise<void> {
  const done = new Set<string>()
  let run = await findRun(projectId, named)
  for (;;) {
    for (const job of run.jobs) {
      for (const step of job.steps) {
        if (done.has(step.id) || step.status === 'pending') continue
        done.add(step.id)
        if (!options.json) say(`— ${plain(job.name)} / ${plain(step.name)}`)
        const path = `/api/projects/${projectId}/runs/${run.id}/jobs/${job.id}/steps/${step.place}/log${options.follow ? '' : '?follow=0'}`
        await readStream(server(), path, ({ event, data }) => {
          if (event === 'end') return false
          for (const line of data) print(JSON.parse(line) as [number, string], options)
          return true
        })
      }
    }
    if (run.finishedAt !== null || run.status === 'invalid' || !options.follow) break
    await new Promise((resolve) => setTimeout(resolve, 250))
    run = await findRun(projectId, run.id)
  }
  for (const problem of run.problems) {
    const place = problem.position ? `:${problem.position.line}:${problem.position.column}` : ''
    say(`${problem.severity}: ${plain(problem.file)}${place}: ${plain(problem.message)}`)
  }
  if (done.size === 0 && run.status !== 'invalid')
    say(run.waitsFor ? `Nothing was printed yet. ${plain(run.waitsFor)}` : 'Nothing was printed yet.')
}

async function ofEnvironment(projectId: string, name: string, options: Options): Promise<void> {
  const environments = await api().deployments.environments.query({ projectId })
  if (!environments.some((each) => each.name === name)) {
    throw new CommandError(`"${name}" is neither a run nor an environment. See juanie env list and juanie run list.`)
  }
  const query = new URLSearchParams({
    follow: options.follow ? '1' : '0',
    ...(options.tail !== undefined && { tail: options.tail }),
  })
  const path = `/api/projects/${projectId}/environments/${encodeURIComponent(name)}/logs?${query}`
  const abort = new AbortController()
  process.once('SIGINT', () => abort.abort())
  let count = 0
  await readStream(
    server(),
    path,
    ({ event, data }) => {
      if (event === 'end') return false
      for (const text of data) {
        const frame = JSON.parse(text) as {
          service: string
          index: number
          deployment: number
          lines: [number, string][]
        }
        for (const line of frame.lines) {
          count++
          print(line, options, `${frame.service}.${frame.index} #${frame.deployment} | `)
        }
      }
      return true
    },
    abort.signal,
  )
  if (count === 0) say('Nothing was printed yet.')
}
