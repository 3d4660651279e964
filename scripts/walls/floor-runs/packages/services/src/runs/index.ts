import { thing } from '../releases/index.ts'

export const used = thing
