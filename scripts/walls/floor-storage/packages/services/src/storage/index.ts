import { thing } from '../caches/index.ts'

export const used = thing
