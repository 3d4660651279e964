import { thing } from '../overview/index.ts'

export const used = thing
