import { thing } from '../../../packages/services/src/runs/index.ts'

export const used = thing
