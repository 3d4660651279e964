import type { Session } from '@juanie/core/scope'
import type { AccessTokens } from './access-tokens.ts'
import type { Sessions } from './sessions.ts'

/** Whose credential this is, of whichever kind. */
export class Credentials {
  readonly #sessions: Sessions
  readonly #tokens: AccessTokens

  constructor(parts: { sessions: Sessions; tokens: AccessTokens }) {
    this.#sessions = parts.sessions
    this.#tokens = parts.tokens
  }

  /** Of a machine or the CLI: a personal access token. */
  bearer(token: string): Promise<Session | null> {
    return this.#tokens.verify(token)
  }

  cookie(access: string): Promise<Session | null> {
    return this.#sessions.verify(access)
  }

  /** Whether what proved this session still holds: streams ask now and then. */
  isAlive({ credential }: Session): Promise<boolean> {
    return credential.kind === 'token' ? this.#tokens.isAlive(credential.id) : this.#sessions.isAlive(credential.id)
  }
}
