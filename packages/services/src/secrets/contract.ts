import * as z from 'zod/mini'
import { EnvironmentKey } from '../environments/contract.ts'

/** Given to every program by the agent itself, or kept for Juanie. */
const isReserved = (name: string) => ['PORT', 'HOST'].includes(name) || name.startsWith('JUANIE_')

export const maxValueBytes = 64 * 1024
export const maxNames = 500

export const SettingName = z.string().check(
  z.maxLength(200, 'use at most 200 characters'),
  z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'use letters, digits and _, not beginning with a digit'),
  z.refine((name) => !isReserved(name), 'PORT, HOST and names that begin with JUANIE_ are set by Juanie itself'),
)

const Value = z.string().check(
  z.refine(
    (value) => new TextEncoder().encode(value).length <= maxValueBytes,
    `must not be larger than ${maxValueBytes / 1024} KiB`,
  ),
  z.refine((value) => !value.includes('\u0000'), 'must not hold a NUL byte, which no environment variable can'),
)

/** Without an environment: holds for all of the project that do not set it themselves. */
const where = { environment: z.optional(EnvironmentKey) }

export const ListSettings = z.object(where)
export type ListSettings = z.infer<typeof ListSettings>
export const SetSetting = z.object({ ...where, name: SettingName, value: Value })
export type SetSetting = z.infer<typeof SetSetting>
export const DeleteSetting = z.object({ ...where, name: z.string().check(z.maxLength(200)) })
export type DeleteSetting = z.infer<typeof DeleteSetting>

/** What a deployment freezes: the version, never the value. */
export interface FrozenSecret {
  name: string
  secretId: string
  versionId: string
  version: number
}
