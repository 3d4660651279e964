import { initTRPC, TRPCError } from '@trpc/server'
import { z } from 'zod'
import { AppError, type RefusalCode } from './errors.ts'
import { fieldSentence } from './field-sentence.ts'
import { outageOf } from './outage.ts'
import type { Door, Permission, Session } from './scope.ts'
import { unstorableText } from './text.ts'

/** What the transport gives every call. */
export interface Context {
  session: Session | null
  door: Door
  /** Sets or clears the browser's cookies; absent for callers without a browser. */
  cookies?: {
    /** Refresh null: the one that the browser has stays. */
    set(tokens: { access: string; refresh: string | null }): void
    clear(): void
    refresh(): string | null
  }
  /** Address of the caller, for limits and the audit. */
  address: string
  /** What the caller's program calls itself; anyone can send anything here. */
  userAgent: string | null
}

const trpcCode = {
  invalid: 'BAD_REQUEST',
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  conflict: 'CONFLICT',
  limited: 'TOO_MANY_REQUESTS',
  unavailable: 'SERVICE_UNAVAILABLE',
} as const satisfies Record<RefusalCode, string>

/** Which of the four doors a procedure was built with, for the test that lists them all. */
export type Entrance =
  | { door: 'anonymous'; reason: string }
  | { door: 'signedIn' }
  | { door: 'organization' | 'project'; permission: Permission }

const t = initTRPC
  .context<Context>()
  .meta<Entrance>()
  .create({
    errorFormatter({ shape, error }) {
      const refusal = error.cause instanceof AppError ? error.cause : null
      const fields = error.cause instanceof z.core.$ZodError ? error.cause.issues : null
      return {
        code: shape.code,
        // Nothing of a bug or an outage is shown to a client.
        message:
          refusal?.message ??
          (fields
            ? fieldSentence(fields)
            : isClientError(error)
              ? error.message
              : 'Something went wrong inside Juanie. Its log says what.'),
        data: {
          code: shape.data.code,
          httpStatus: shape.data.httpStatus,
          path: shape.data.path,
          reason: refusal?.reason ?? (fields ? 'input.invalid' : null),
          details: refusal?.details ?? {},
        },
      }
    },
  })

const isClientError = (error: TRPCError): boolean => error.code !== 'INTERNAL_SERVER_ERROR'

export const router = t.router

const translated = t.procedure.use(async ({ next, getRawInput }) => {
  const wrong = unstorableText(await getRawInput())
  if (wrong) throw translate(new AppError('invalid', 'input.invalid', { message: wrong }))
  const result = await next()
  if (!result.ok) throw translate(result.error)
  return result
})

/** Gives a refusal, and an outage of the database, their own code; anything else stays what it was. */
export function translate(error: unknown): unknown {
  const cause = error instanceof TRPCError ? error.cause : error
  const refusal = cause instanceof AppError ? cause : outageOf(cause)
  return refusal ? new TRPCError({ code: trpcCode[refusal.code], cause: refusal }) : error
}

/** Open to everybody; the reason is for the reader of the router and the test that lists them. */
export const anonymous = (reason: string) => translated.meta({ door: 'anonymous', reason })

/** For calls about oneself. */
export const signedIn = translated.meta({ door: 'signedIn' }).use(({ ctx, next }) => {
  if (!ctx.session)
    throw new AppError('unauthenticated', 'session.missing', { message: 'Sign in first: `juanie login`.' })
  return next({ ctx: { ...ctx, session: ctx.session } })
})

const OrganizationInput = z.object({ organizationId: z.uuid() })
const ProjectInput = z.object({ projectId: z.uuid() })

/** The only ways to a procedure that touches a tenant; they yield `ctx.scope`. */
export const inOrganization = (permission: Permission) =>
  translated
    .meta({ door: 'organization', permission })
    .input(OrganizationInput)
    .use(async ({ ctx, input, next }) => {
      const scope = await ctx.door.organization(ctx.session, input.organizationId, permission)
      return next({ ctx: { ...ctx, scope } })
    })

export const inProject = (permission: Permission) =>
  translated
    .meta({ door: 'project', permission })
    .input(ProjectInput)
    .use(async ({ ctx, input, next }) => {
      const scope = await ctx.door.project(ctx.session, input.projectId, permission)
      return next({ ctx: { ...ctx, scope } })
    })
