import { thing } from '../repositories/index.ts'

export const used = thing
