import { thing } from '../../agent/src/b.ts'

export const used = thing
