import { router } from '@juanie/core/trpc'
import { AccessTokens, Sessions } from '@juanie/services/auth'
import { authRouter } from '@juanie/services/auth/router'
import type { HttpDeps } from './http/index.ts'

/** The whole typed API, joined from the domains. */
export const appRouter = (get: HttpDeps['get']) =>
  router({
    auth: authRouter({ sessions: get(Sessions), tokens: get(AccessTokens) }),
  })

export type AppRouter = ReturnType<typeof appRouter>
