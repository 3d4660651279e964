import { thing } from '../deployments/index.ts'

export const used = thing
