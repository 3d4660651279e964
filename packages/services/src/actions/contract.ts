import * as z from 'zod/mini'

/** Which actions the workflows of an organization may use. Those of the same repository are always allowed. */
export const actionModes = ['any', 'listed', 'pinned'] as const

const maxAllowed = 200

/** `actions` and `actions/*` stand for all of an owner, `actions/cache` for one repository. */
const Allowed = z
  .string()
  .check(
    z.trim(),
    z.maxLength(201),
    z.regex(
      /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:\/(?:\*|[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}))?$/,
      'write an owner, or owner/name',
    ),
  )

export const ActionPolicy = z.object({
  mode: z.enum(actionModes),
  /** Only with the mode `listed`. */
  allowed: z._default(z.array(Allowed).check(z.maxLength(maxAllowed, `list at most ${maxAllowed}`)), []),
})
export type ActionPolicy = z.infer<typeof ActionPolicy>
