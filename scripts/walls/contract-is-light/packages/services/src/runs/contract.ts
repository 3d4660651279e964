import { thing } from './service.ts'

export const used = thing
