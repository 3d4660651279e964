import { thing } from '../pipelines/index.ts'

export const used = thing
