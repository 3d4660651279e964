import { type Database, maybeOne } from '@juanie/core/database'
import { AppError } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import type { Scope } from '@juanie/core/scope'
import { isCommitId } from '@juanie/workflow'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { organizations } from '../organizations/tables.ts'
import { projects } from '../projects/tables.ts'
import { repositories } from '../repositories/tables.ts'
import { users } from '../users/tables.ts'
import type { ActionPolicy } from './contract.ts'
import { refusalOf } from './plan.ts'
import type { ActionBundle, ActionMirrors, ActionName, ActionPlace, ActionSources, ResolvedAction } from './port.ts'
import { actionPolicies } from './tables.ts'

const maxTextBytes = 1024 * 1024

/** The actions and reusable workflows of other repositories, and what an organization lets its workflows use. */
export class Actions implements ActionSources {
  readonly #db: Database
  readonly #mirrors: ActionMirrors

  constructor(parts: { db: Database; mirrors: ActionMirrors }) {
    this.#db = parts.db
    this.#mirrors = parts.mirrors
  }

  async policy(scope: Scope): Promise<ActionPolicy & { updatedBy: string | null; updatedAt: Date | null }> {
    const row = await maybeOne(
      this.#db
        .select({
          mode: actionPolicies.mode,
          allowed: actionPolicies.allowed,
          updatedBy: users.name,
          updatedAt: actionPolicies.updatedAt,
        })
        .from(actionPolicies)
        .leftJoin(users, eq(users.id, actionPolicies.updatedBy))
        .where(eq(actionPolicies.organizationId, scope.organizationId)),
    )
    return row ?? { mode: 'any', allowed: [], updatedBy: null, updatedAt: null }
  }

  async setPolicy(scope: Scope, input: ActionPolicy): Promise<ActionPolicy> {
    const allowed = input.mode === 'listed' ? [...new Set(input.allowed)].sort() : []
    if (input.mode === 'listed' && allowed.length === 0) {
      throw new AppError('invalid', 'action.nothing_allowed', {
        message: 'allowed: list at least one owner or action, such as actions or astral-sh/setup-uv.',
      })
    }
    const updatedBy = scope.actor.kind === 'user' ? scope.actor.id : null
    const values = { mode: input.mode, allowed, updatedBy, updatedAt: sql`now()` }
    await this.#db.transaction(async (tx) => {
      await tx
        .insert(actionPolicies)
        .values({ organizationId: scope.organizationId, ...values })
        .onConflictDoUpdate({ target: actionPolicies.organizationId, set: values })
      await record(tx, scope, 'action.policy_set', {
        subjectId: scope.organizationId,
        data: { mode: input.mode, allowed },
      })
    })
    return { mode: input.mode, allowed }
  }

  async resolve(scope: Scope, what: ActionName & { ref: string }): Promise<ResolvedAction> {
    const hosted = await this.#hosted(scope, what)
    const refusal = refusalOf(await this.policy(scope), { ...what, isOwn: hosted !== null })
    if (refusal) throw new AppError('forbidden', 'action.not_allowed', { message: refusal })
    if (hosted) {
      const commit = await this.#mirrors.hostedRef(hosted.repositoryId, what.ref)
      if (commit) return { commit, notice: null }
      throw missing(what)
    }
    const found = await this.#mirrors.resolve(what)
    if (!found) throw missing(what)
    return found
  }

  /** Why the policy does not allow these now, whatever it was when they were resolved; null for what it allows. */
  async refusals(scope: Scope, what: (ActionName & { ref: string })[]): Promise<(string | null)[]> {
    const policy = await this.policy(scope)
    const strict = what.map((each) => refusalOf(policy, { ...each, isOwn: false }))
    if (strict.every((refusal) => refusal === null)) return strict
    return Promise.all(
      strict.map(async (refusal, index) => refusal && ((await this.#hosted(scope, what[index]!)) ? null : refusal)),
    )
  }

  /** For what was resolved before, be it long ago: the policy was asked then. */
  async read(
    scope: Scope,
    { commit, path, ...name }: ActionName & { commit: string; path: string },
  ): Promise<string | null> {
    const place = await this.#place(scope, name, commit)
    return this.#mirrors.read(place, { commit, path }, maxTextBytes)
  }

  async bundle(scope: Scope, { commit, ...name }: ActionName & { commit: string }): Promise<ActionBundle> {
    return this.#mirrors.bundle(await this.#place(scope, name, commit), commit)
  }

  async #place(scope: Scope, name: ActionName, commit: string): Promise<ActionPlace> {
    if (!isCommitId(commit)) throw missing({ ...name, ref: commit })
    const place = (await this.#hosted(scope, name)) ?? ({ kind: 'mirror', ...name } as const)
    if (!(await this.#mirrors.ensure(place, commit))) throw missing({ ...name, ref: commit })
    return place
  }

  /** A repository that Juanie hosts for the same organization; what others host is not seen. */
  async #hosted(scope: Scope, { owner, name }: ActionName): Promise<Extract<ActionPlace, { kind: 'hosted' }> | null> {
    const row = await maybeOne(
      this.#db
        .select({ repositoryId: repositories.id })
        .from(organizations)
        .innerJoin(projects, and(eq(projects.organizationId, organizations.id), isNull(projects.deletedAt)))
        .innerJoin(repositories, and(eq(repositories.projectId, projects.id), isNull(repositories.deletedAt)))
        .where(
          and(
            eq(organizations.id, scope.organizationId),
            eq(organizations.slug, owner.toLowerCase()),
            eq(projects.slug, name.toLowerCase()),
          ),
        ),
    )
    return row && { kind: 'hosted', ...row }
  }
}

const missing = ({ owner, name, ref }: ActionName & { ref: string }) =>
  new AppError('not_found', 'action.not_found', {
    message: `There is no ${owner}/${name} with a tag, branch or commit "${ref}" at any source of actions (JUANIE_ACTIONS_URL).`,
  })
