import { thing } from '../../server/src/router.ts'

export const used = thing
