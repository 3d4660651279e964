import { thing } from '../runs/index.ts'

export const used = thing
