import { thing } from '../../../packages/services/src/runs/contract.ts'

export const used = thing
