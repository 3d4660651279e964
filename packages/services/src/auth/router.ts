import { AppError } from '@juanie/core/errors'
import { anonymous, type Context, router, signedIn } from '@juanie/core/trpc'
import type { AccessTokens } from './access-tokens.ts'
import { CreateToken, EndSession, Login, Page, RevokeToken, SignIn } from './contract.ts'
import type { Sessions } from './sessions.ts'

export const authRouter = (parts: { sessions: Sessions; tokens: AccessTokens }) =>
  router({
    signIn: anonymous('whoever signs in is nobody yet')
      .input(SignIn)
      .mutation(async ({ ctx, input }) => {
        const cookies = browser(ctx)
        cookies.set(await parts.sessions.signIn(input, ctx.address, ctx.userAgent))
      }),
    refresh: anonymous('the refresh token itself is the proof').mutation(async ({ ctx }) => {
      const cookies = browser(ctx)
      cookies.set(await parts.sessions.refresh(cookies.refresh() ?? ''))
    }),
    signOut: anonymous('an expired session may be left too').mutation(async ({ ctx }) => {
      const cookies = browser(ctx)
      const refresh = cookies.refresh()
      if (refresh) await parts.sessions.endByRefresh(refresh)
      if (ctx.session?.credential.kind === 'session') await parts.sessions.end(ctx.session.credential.id)
      cookies.clear()
    }),
    login: anonymous('a terminal gives a password and gets a token')
      .input(Login)
      .mutation(async ({ ctx, input }) => {
        const user = await parts.sessions.authenticate(input, ctx.address)
        return parts.tokens.issue(user.id, input.token)
      }),
    whoami: signedIn.query(({ ctx: { session } }) => ({
      id: session.userId,
      email: session.email,
      name: session.name,
      credential: session.credential,
    })),
    sessions: router({
      list: signedIn.input(Page).query(({ ctx, input }) => parts.sessions.list(ctx.session, input)),
      end: signedIn.input(EndSession).mutation(({ ctx, input }) => parts.sessions.endOwn(ctx.session, input.id)),
      endOthers: signedIn.mutation(({ ctx }) => parts.sessions.endOthers(ctx.session)),
    }),
    tokens: router({
      create: signedIn.input(CreateToken).mutation(({ ctx, input }) => parts.tokens.create(ctx.session, input)),
      list: signedIn.input(Page).query(({ ctx, input }) => parts.tokens.list(ctx.session, input)),
      revoke: signedIn.input(RevokeToken).mutation(({ ctx, input }) => parts.tokens.revoke(ctx.session, input.id)),
    }),
  })

function browser(ctx: Context): NonNullable<Context['cookies']> {
  if (ctx.cookies) return ctx.cookies
  throw new AppError('invalid', 'session.no_browser', {
    message: 'This call sets cookies and is for pages of Juanie itself. Elsewhere use auth.login.',
  })
}
