import { randomBytes } from 'node:crypto'
import { seal, unseal } from '@juanie/core/crypto'
import { type Database, maybeOne, type Queryable, type Transaction } from '@juanie/core/database'
import { AppError, notFound } from '@juanie/core/errors'
import { record } from '@juanie/core/events'
import { uuidv7 } from '@juanie/core/ids'
import type { ProjectScope } from '@juanie/core/scope'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { projects } from '../projects/tables.ts'
import { repositories, repositoryRefs } from '../repositories/tables.ts'
import type { DataKeys } from '../secrets/index.ts'
import {
  type ConnectionView,
  type ConnectRepository,
  cleanUrl,
  type Provider,
  providerOf,
  type RemoteCredential,
} from './contract.ts'
import type { Remote, RemoteRepositories } from './port.ts'
import { connections } from './tables.ts'

type ConnectionRow = typeof connections.$inferSelect

/** A connection with what is needed to act on it. */
export interface OpenConnection {
  id: string
  provider: Provider
  organizationId: string
  projectId: string
  repositoryId: string
  defaultBranch: string | null
  /** Null before the first look. */
  syncedAt: Date | null
  quietPolls: number
  heardAt: Date | null
  remote: Remote
}

/** Repositories that live at a forge, each of one project: where, and by whose right they are read. */
export class Connections {
  readonly #db: Database
  readonly #keys: DataKeys
  readonly #remotes: RemoteRepositories
  readonly #url: () => string

  constructor(parts: { db: Database; keys: DataKeys; remotes: RemoteRepositories; url: () => string }) {
    this.#db = parts.db
    this.#keys = parts.keys
    this.#remotes = parts.remotes
    this.#url = parts.url
  }

  /**
   * Connects the project to a repository elsewhere, or gives its connection another address or credential. The other
   * side is asked first, so that nothing is kept that cannot be read. Answers the secret of its webhook when it was
   * made: it is not shown again.
   */
  async connect(
    scope: ProjectScope,
    input: ConnectRepository,
  ): Promise<{ connection: ConnectionView; webhookSecret: string | null }> {
    const url = cleanUrl(input.url)!
    const provider = input.provider ?? providerOf(url)
    await this.#remotes.list({ url, credential: basicOf(provider, input.credential) })
    const webhookSecret = newSecret()
    const isNew = await this.#db.transaction(async (tx) => {
      const repository = await lockRepository(tx, scope)
      const before = await maybeOne(tx.select().from(connections).where(eq(connections.repositoryId, repository.id)))
      if (!before) await refuseWithCode(tx, repository.id)
      const id = before?.id ?? uuidv7()
      const key = await this.#keys.current(tx, scope.organizationId)
      const sealed = (what: string, plain: string) =>
        seal(key.key, Buffer.from(plain), contextOf(scope.projectId, id, what))
      const values = {
        provider,
        url,
        credentialKind: input.credential.kind,
        dataKeyId: key.id,
        sealedCredential:
          input.credential.kind === 'none' ? null : sealed('credential', JSON.stringify(input.credential)),
        // Sealed anew with the key that the credential has now; the secret itself stays.
        sealedWebhookSecret: sealed('webhook', before ? await this.#webhookSecretOf(tx, before, scope) : webhookSecret),
        pollAt: sql`now()`,
        quietPolls: 0,
        failure: null,
        failedSince: null,
      }
      if (before) await tx.update(connections).set(values).where(eq(connections.id, id))
      else {
        await tx.insert(connections).values({
          id,
          projectId: scope.projectId,
          repositoryId: repository.id,
          createdBy: scope.actor.kind === 'user' ? scope.actor.id : null,
          ...values,
        })
        await tx.update(repositories).set({ kind: 'connected' }).where(eq(repositories.id, repository.id))
      }
      await record(tx, scope, before ? 'repository.reconnected' : 'repository.connected', {
        subjectId: repository.id,
        data: { provider, url },
      })
      return !before
    })
    return { connection: await this.view(scope), webhookSecret: isNew ? webhookSecret : null }
  }

  /** What was fetched stays, as a repository that is hosted here from now on. */
  async disconnect(scope: ProjectScope): Promise<void> {
    await this.#db.transaction(async (tx) => {
      const repository = await lockRepository(tx, scope)
      const gone = await tx
        .delete(connections)
        .where(eq(connections.repositoryId, repository.id))
        .returning({ url: connections.url })
      if (gone.length === 0) throw missing()
      await tx.update(repositories).set({ kind: 'hosted' }).where(eq(repositories.id, repository.id))
      await record(tx, scope, 'repository.disconnected', { subjectId: repository.id, data: { url: gone[0]!.url } })
    })
  }

  /** A new secret for its webhook, shown once; the old one ends at once. */
  async renewWebhookSecret(scope: ProjectScope): Promise<{ webhookSecret: string }> {
    const webhookSecret = newSecret()
    await this.#db.transaction(async (tx) => {
      const row = await maybeOne(tx.select().from(connections).where(eq(connections.projectId, scope.projectId)))
      if (!row) throw missing()
      const key = await this.#keys.byId(tx, row.dataKeyId, scope.organizationId)
      const sealed = seal(key, Buffer.from(webhookSecret), contextOf(scope.projectId, row.id, 'webhook'))
      await tx.update(connections).set({ sealedWebhookSecret: sealed }).where(eq(connections.id, row.id))
      await record(tx, scope, 'repository.webhook_renewed', { subjectId: row.repositoryId })
    })
    return { webhookSecret }
  }

  async view(scope: ProjectScope): Promise<ConnectionView> {
    const found = await this.find(scope)
    if (!found) throw missing()
    return found
  }

  /** Null where the project's repository is hosted here. */
  async find(scope: ProjectScope): Promise<ConnectionView | null> {
    const row = await maybeOne(this.#db.select().from(connections).where(eq(connections.projectId, scope.projectId)))
    return row && this.#shown(row)
  }

  /** Looks at the repository as soon as somebody can. */
  async lookSoon(scope: ProjectScope): Promise<void> {
    const asked = await this.#db
      .update(connections)
      .set({ pollAt: sql`now()` })
      .where(eq(connections.projectId, scope.projectId))
      .returning({ id: connections.id })
    if (asked.length === 0) throw missing()
  }

  /** Null when it is gone. */
  async open(connectionId: string): Promise<OpenConnection | null> {
    const found = await maybeOne(
      this.#db
        .select({
          row: connections,
          organizationId: projects.organizationId,
          defaultBranch: repositories.defaultBranch,
        })
        .from(connections)
        .innerJoin(repositories, and(eq(repositories.id, connections.repositoryId), isNull(repositories.deletedAt)))
        .innerJoin(projects, and(eq(projects.id, connections.projectId), isNull(projects.deletedAt)))
        .where(eq(connections.id, connectionId)),
    )
    if (!found) return null
    const { row, organizationId, defaultBranch } = found
    const { id, provider, projectId, repositoryId, syncedAt, quietPolls, heardAt } = row
    const plain =
      row.sealedCredential === null
        ? { kind: 'none' as const }
        : (JSON.parse(await this.#opened(this.#db, row, organizationId, 'credential')) as RemoteCredential)
    const remote = { url: row.url, credential: basicOf(provider, plain) }
    return {
      id,
      provider,
      organizationId,
      projectId,
      repositoryId,
      defaultBranch,
      syncedAt,
      quietPolls,
      heardAt,
      remote,
    }
  }

  /** The secret of a connection's webhook; null when there is no such connection. */
  async webhookSecret(connectionId: string): Promise<{ secret: string; provider: Provider; projectId: string } | null> {
    const found = await maybeOne(
      this.#db
        .select({ row: connections, organizationId: projects.organizationId })
        .from(connections)
        .innerJoin(projects, and(eq(projects.id, connections.projectId), isNull(projects.deletedAt)))
        .where(eq(connections.id, connectionId)),
    )
    if (!found) return null
    const { row, organizationId } = found
    return {
      secret: await this.#opened(this.#db, row, organizationId, 'webhook'),
      provider: row.provider,
      projectId: row.projectId,
    }
  }

  #webhookSecretOf(db: Queryable, row: ConnectionRow, { organizationId }: { organizationId: string }): Promise<string> {
    return this.#opened(db, row, organizationId, 'webhook')
  }

  async #opened(
    db: Queryable,
    row: ConnectionRow,
    organizationId: string,
    what: 'credential' | 'webhook',
  ): Promise<string> {
    const key = await this.#keys.byId(db, row.dataKeyId, organizationId)
    const sealed = what === 'credential' ? row.sealedCredential! : row.sealedWebhookSecret
    return unseal(key, sealed, contextOf(row.projectId, row.id, what)).toString('utf8')
  }

  #shown(row: ConnectionRow): ConnectionView {
    const { id, provider, url, syncedAt, pollAt, heardAt, failure, failedSince, createdAt } = row
    return {
      id,
      provider,
      url,
      credential: row.credentialKind,
      webhookUrl: provider === 'git' ? null : `${this.#url()}/api/webhooks/${provider}/${id}`,
      syncedAt,
      pollAt,
      heardAt,
      failure,
      failedSince,
      createdAt,
    }
  }
}

const newSecret = () => randomBytes(32).toString('hex')

const contextOf = (projectId: string, connectionId: string, what: string) =>
  `connection|${projectId}|${connectionId}|${what}`

/** How each forge wants its tokens over git's HTTP protocol. */
const tokenUsers: Record<Provider, string> = {
  github: 'x-access-token',
  gitlab: 'oauth2',
  gitea: 'x-access-token',
  git: 'token',
}

function basicOf(provider: Provider, credential: RemoteCredential): Remote['credential'] {
  if (credential.kind === 'none') return null
  if (credential.kind === 'token') return { username: tokenUsers[provider], password: credential.token }
  return { username: credential.username, password: credential.password }
}

async function lockRepository(tx: Transaction, scope: ProjectScope): Promise<{ id: string }> {
  const row = await maybeOne(
    tx
      .select({ id: repositories.id })
      .from(repositories)
      .where(and(eq(repositories.projectId, scope.projectId), isNull(repositories.deletedAt)))
      .for('update'),
  )
  if (!row) throw notFound('repository')
  return row
}

/** What was pushed here would be lost under what lies there. */
async function refuseWithCode(tx: Transaction, repositoryId: string): Promise<void> {
  const rows = await tx.select().from(repositoryRefs).where(eq(repositoryRefs.repositoryId, repositoryId)).limit(1)
  if (rows.length === 0) return
  throw new AppError('conflict', 'connection.has_code', {
    message:
      'The repository of this project holds code already. Make a project with an empty repository, and connect that one.',
  })
}

const missing = () =>
  new AppError('not_found', 'connection.missing', {
    message: 'The repository of this project is hosted here; it is connected to no other.',
  })
