import { thing } from '../projects/service.ts'

export const used = thing
