import { thing } from './tables.ts'

export const used = thing
