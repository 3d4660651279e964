import { basename } from 'node:path'
import { plain } from '@juanie/core/text'
import { type Parsed, parseWorkflow } from '@juanie/workflow'
import { CommandError, usageError } from '../exit.ts'
import { eventsOf } from './events.ts'

export interface Candidate {
  /** Path from the top of the working tree. */
  file: string
  text: string
  parsed: Parsed
}

/** A workflow and what is to have happened for it to run. */
export interface Chosen extends Candidate {
  event: string
}

export const candidate = (file: string, text: string): Candidate => ({ file, text, parsed: parseWorkflow(file, text) })

const listed = (all: Candidate[]) => all.map(({ file }) => plain(file)).join(', ')

/** The workflow that is named by its file or name, with this event or the most usual one that it listens to. */
export function chooseNamed(all: Candidate[], named: string, event: string | undefined): Chosen {
  const found = all.filter(
    ({ file, parsed }) =>
      [file, basename(file), basename(file).replace(/\.ya?ml$/, '')].includes(named) || parsed.workflow?.name === named,
  )
  if (found.length > 1) throw usageError(`Several workflows can be meant: ${listed(found)}. Name one by its file.`)
  if (!found[0]) {
    throw new CommandError(
      `There is no workflow "${plain(named)}"${all.length > 0 ? `; there is ${listed(all)}` : ''}.`,
    )
  }
  return withEvent(found[0], event)
}

/** The only workflow that listens to the event; without one, to a push, else whatever the only workflow listens to. */
export function chooseAlone(all: Candidate[], event: string | undefined): Chosen {
  if (all.length === 0) {
    throw new CommandError(
      'There is no workflow in .juanie/workflows or .github/workflows. Write one with: juanie init',
    )
  }
  const [first] = all
  if (first && all.length === 1) return withEvent(first, event)
  const wanted = event ?? 'push'
  const listening = all.filter(({ parsed }) => parsed.workflow && eventsOf(parsed.workflow.on).includes(wanted))
  if (listening.length === 1) return withEvent(listening[0]!, wanted)
  throw usageError(
    listening.length === 0
      ? `No workflow listens to ${plain(wanted)}. Name one by its file: ${listed(all)}.`
      : `Several workflows listen to ${plain(wanted)}: ${listed(listening)}. Name one by its file.`,
  )
}

function withEvent(chosen: Candidate, event: string | undefined): Chosen {
  const { workflow } = chosen.parsed
  // What cannot be read is told of by its problems.
  if (!workflow) return { ...chosen, event: event ?? 'push' }
  const events = eventsOf(workflow.on)
  const named = event ?? events[0]
  if (named === undefined) {
    throw usageError(`${plain(chosen.file)} is only called by others; run one that calls it.`)
  }
  if (events.includes(named)) return { ...chosen, event: named }
  const others = events.length > 0 ? `it listens to ${events.join(', ')}` : 'it is only called by others'
  throw usageError(`--event: ${plain(chosen.file)} does not listen to ${plain(named)}; ${others}.`)
}
