import { thing } from '../../../packages/services/src/runs/lease.ts'

export const used = thing
