import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@juanie/core/errors'
import type { Mirrors } from '@juanie/core/git/mirrors'
import type { ActionAnswer, Report } from '@juanie/services/hosts/contract'
import { parseActionRef } from '@juanie/workflow'
import type { JobUpstream, StepStream } from '../jobs/upstream.ts'

const atOnce = 4

/** What jobs need of a server, without one: actions come from their sources, and nothing is kept. */
export class LocalUpstream implements JobUpstream {
  readonly report: (report: Report) => void
  readonly log: (stream: StepStream, lines: [number, string][]) => void
  readonly #mirrors: Mirrors
  /** What an action meant first, it means for the whole run. */
  readonly #answers = new Map<string, Promise<ActionAnswer>>()

  constructor(parts: {
    mirrors: Mirrors
    report: (report: Report) => void
    log: (stream: StepStream, lines: [number, string][]) => void
  }) {
    this.#mirrors = parts.mirrors
    this.report = parts.report
    this.log = parts.log
  }

  serverUrl(): null {
    return null
  }

  async putBlob(): Promise<void> {}

  async makeRelease(): Promise<null> {
    return null
  }

  async askDeployment(): Promise<never> {
    throw new AppError('invalid', 'local.no_server', {
      message: 'juanie/deploy needs a server, and this run has none: push the commit to deploy it.',
    })
  }

  async deploymentProgress(): Promise<never> {
    return this.askDeployment()
  }

  async resolveActions({ uses }: { uses: string[] }): Promise<ActionAnswer[]> {
    const answers: ActionAnswer[] = []
    for (let from = 0; from < uses.length; from += atOnce) {
      answers.push(...(await Promise.all(uses.slice(from, from + atOnce).map((each) => this.#answer(each)))))
    }
    return answers
  }

  async downloadAction(
    _job: { jobId: string; fence: number },
    { owner, name, commit }: { owner: string; name: string; commit: string },
    file: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { content } = await this.#mirrors.bundle(this.#mirrors.folderOf({ owner, name }), commit)
    await pipeline(content, createWriteStream(file), { signal })
  }

  #answer(uses: string): Promise<ActionAnswer> {
    const known = this.#answers.get(uses)
    if (known) return known
    const asked = this.#resolve(uses)
    this.#answers.set(uses, asked)
    return asked
  }

  async #resolve(uses: string): Promise<ActionAnswer> {
    const ref = parseActionRef(uses)
    if (ref?.kind !== 'remote') {
      return { kind: 'refused', reason: `'${uses}' is not an action of another repository.` }
    }
    try {
      return { kind: 'found', owner: ref.owner, name: ref.name, ...(await resolveAt(this.#mirrors, ref)) }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { kind: 'refused', reason: error.message }
    }
  }
}

/** Throws `not_found` for what no source has. */
export async function resolveAt(
  mirrors: Mirrors,
  { owner, name, ref }: { owner: string; name: string; ref: string },
): Promise<{ commit: string; notice: string | null }> {
  const found = await mirrors.resolve({ owner, name, ref })
  if (found) return found
  throw new AppError('not_found', 'action.not_found', {
    message: `There is no ${owner}/${name} with a tag, branch or commit "${ref}" at any source of actions (JUANIE_ACTIONS_URL).`,
  })
}
