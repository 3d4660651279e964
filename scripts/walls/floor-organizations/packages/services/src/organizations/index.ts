import { thing } from '../applications/index.ts'

export const used = thing
