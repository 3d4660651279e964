import { thing } from '../organizations/index.ts'

export const used = thing
