import { thing } from '../../services/src/projects/index.ts'

export const used = thing
